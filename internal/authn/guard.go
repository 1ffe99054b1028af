package authn

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/httpx"
)

const (
	// GuardBurst is how many sign-ins may fail in a row before the next is
	// refused unseen.
	GuardBurst = 20
	// GuardPause is how long it takes until one more may fail.
	GuardPause = 6 * time.Second

	// maxPause is the longest time that anyone is kept out. Failures that were
	// under way together can add up to more.
	maxPause = 5 * time.Minute

	// knownFor is how long a source that has signed in with a key is not kept
	// out by the failures of others.
	knownFor = 24 * time.Hour

	// maxGuarded bounds each of the guard's three memories, a megabyte or two.
	maxGuarded = 1 << 14

	// maxKeyID is the longest access key id that there is (IAM: 128).
	maxKeyID = 128

	// logPause is the time between two log lines about failures.
	logPause = time.Second
)

// A Plane is where a sign-in was tried; it labels metrics.
type Plane string

// The planes.
const (
	PlaneAPI      Plane = "api"
	PlaneRegistry Plane = "registry"
)

// A Guard slows down those who guess: failed sign-ins of a source address, or
// with an access key id, beyond [GuardBurst] keep further ones out for a while,
// whose proof is then not even looked at. A good sign-in costs nothing, and
// from then on the source is measured, with that key, by its own failures
// alone. A source of which no failure is remembered has its first try whatever
// others did: access key ids are no secret, and so nobody locks out the owner of
// a key by guessing at it. An IPv6 source is its /64, which is what one customer
// of a provider has.
//
// Failures under way at the same time are counted at their end: a flood of
// parallel ones gets as many guesses as it has connections, once, and the pause
// that follows is as much longer. A Guard is safe for concurrent use. Its
// memory is bounded and of this process alone.
type Guard struct {
	now       func() time.Time
	log       *slog.Logger
	failures  *prometheus.CounterVec
	throttled *prometheus.CounterVec

	// fullAt is when the last failure will be forgotten, in Unix nanoseconds.
	// From then on nobody is kept out and nothing need be looked up.
	fullAt atomic.Int64

	mu      sync.Mutex
	sources *simplelru.LRU[netip.Prefix, bucket]
	keys    *simplelru.LRU[string, bucket]
	known   *simplelru.LRU[attempt, acquaintance]
	logged  time.Time
	unsaid  int
}

// An attempt is who tries to sign in as whom. The key may be "", where the
// proof does not say whose it is.
type attempt struct {
	source netip.Prefix
	key    string
}

// An acquaintance is an attempt that has succeeded.
type acquaintance struct {
	seen   time.Time
	bucket bucket
}

// A bucket is what is left of the failures that someone may have: it is full
// again at this time.
type bucket time.Time

// fail takes one failure out.
func (b bucket) fail(now time.Time) bucket {
	full := time.Time(b)
	if full.Before(now) {
		full = now
	}
	full = full.Add(GuardPause)
	if latest := now.Add((GuardBurst-1)*GuardPause + maxPause); full.After(latest) {
		full = latest
	}
	return bucket(full)
}

// wait is how long it takes until there is one failure in it; 0 means now.
func (b bucket) wait(now time.Time) time.Duration {
	return max(0, time.Time(b).Add(-(GuardBurst-1)*GuardPause).Sub(now))
}

// NewGuard returns a guard with the clock now, which logs failures and counts
// them in nifuda_signin_failures_total and nifuda_signin_throttled_total.
func NewGuard(now func() time.Time, log *slog.Logger, metrics prometheus.Registerer) *Guard {
	g := &Guard{
		now: now,
		log: log,
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_signin_failures_total",
			Help: "Sign-ins whose proof was wrong.",
		}, []string{"plane", "reason"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_signin_throttled_total",
			Help: "Sign-ins refused unseen because too many had failed.",
		}, []string{"plane"}),
		sources: newLRU[netip.Prefix, bucket](),
		keys:    newLRU[string, bucket](),
		known:   newLRU[attempt, acquaintance](),
	}
	metrics.MustRegister(g.failures, g.throttled)
	return g
}

func newLRU[K comparable, V any]() *simplelru.LRU[K, V] {
	cache, err := simplelru.NewLRU[K, V](maxGuarded, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// Admit returns nil when a sign-in may be tried with an access key, else the
// [*Error] that refuses it. The source is that of the request, see
// [httpx.Record]; the key may be "" when the proof does not say whose it is.
func (g *Guard) Admit(ctx context.Context, plane Plane, accessKeyID string) error {
	if g.isQuiet() {
		return nil
	}
	now := g.now()
	wait := g.wait(attemptOf(ctx, accessKeyID), now)
	if wait == 0 {
		return nil
	}
	if record := httpx.RecordOf(ctx); !record.SignInFailed {
		record.SignInFailed, record.RetryAfter = true, wait+time.Second // rounded up
		g.throttled.WithLabelValues(string(plane)).Inc()
	}
	return throttled()
}

// isQuiet reports whether nobody can be kept out.
func (g *Guard) isQuiet() bool { return g.now().UnixNano() >= g.fullAt.Load() }

func (g *Guard) wait(a attempt, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k, ok := g.known.Get(a); ok && now.Sub(k.seen) < knownFor {
		return k.bucket.wait(now)
	}
	source, _ := g.sources.Get(a.source)
	if !time.Time(source).After(now) {
		return 0
	}
	key, _ := g.keys.Get(a.key) // never has ""
	return max(source.wait(now), key.wait(now))
}

// Failed counts a sign-in whose proof was wrong, for one of a few reasons. A
// request is counted once.
func (g *Guard) Failed(ctx context.Context, plane Plane, accessKeyID, reason string) {
	record := httpx.RecordOf(ctx)
	if record.SignInFailed {
		return
	}
	record.SignInFailed = true
	now := g.now()
	g.failures.WithLabelValues(string(plane), reason).Inc()
	a := attemptOf(ctx, accessKeyID)
	g.mu.Lock()
	defer g.mu.Unlock()
	source, _ := g.sources.Get(a.source)
	source = source.fail(now)
	g.sources.Add(a.source, source)
	full := time.Time(source)
	if a.key != "" {
		key, _ := g.keys.Get(a.key)
		key = key.fail(now)
		g.keys.Add(a.key, key)
		full = later(full, time.Time(key))
	}
	if k, ok := g.known.Get(a); ok {
		k.bucket = k.bucket.fail(now)
		g.known.Add(a, k)
		full = later(full, time.Time(k.bucket))
	}
	g.fullAt.Store(max(g.fullAt.Load(), full.UnixNano()))
	g.logFailure(ctx, plane, accessKeyID, reason, now)
}

// Succeeded makes a source known for a key.
func (g *Guard) Succeeded(ctx context.Context, accessKeyID string) {
	now := g.now()
	a := attemptOf(ctx, accessKeyID)
	g.mu.Lock()
	defer g.mu.Unlock()
	k, ok := g.known.Get(a)
	if ok && now.Sub(k.seen) < time.Minute {
		return
	}
	k.seen = now
	g.known.Add(a, k)
}

// logFailure writes one line at a time, so that guesses do not fill the disk.
func (g *Guard) logFailure(ctx context.Context, plane Plane, accessKeyID, reason string, now time.Time) {
	if now.Sub(g.logged) < logPause {
		g.unsaid++
		return
	}
	record := httpx.RecordOf(ctx)
	g.log.WarnContext(ctx, "sign-in failed",
		"request_id", record.ID, "source", record.Source.String(), "access_key_id", loggableKey(accessKeyID),
		"plane", string(plane), "reason", reason, "unsaid", g.unsaid)
	g.logged, g.unsaid = now, 0
}

func attemptOf(ctx context.Context, accessKeyID string) attempt {
	source := httpx.RecordOf(ctx).Source
	bits := source.BitLen()
	if source.Is6() {
		bits = 64
	}
	prefix, err := source.Prefix(bits)
	if err != nil {
		prefix = netip.Prefix{} // not known where from: all of those are one
	}
	return attempt{source: prefix, key: accessKeyID[:min(len(accessKeyID), maxKeyID)]}
}

func later(t, u time.Time) time.Time {
	if u.After(t) {
		return u
	}
	return t
}

// loggableKey returns an access key id that a caller claims, or "" for what has
// not its form: it may be a secret in the wrong place.
func loggableKey(claimed string) string {
	for i := range len(claimed) {
		if c := claimed[i]; !('A' <= c && c <= 'Z' || isDigit(c)) {
			return ""
		}
	}
	if len(claimed) > maxKeyID {
		return ""
	}
	return claimed
}

func throttled() *Error {
	return &Error{Code: CodeThrottling, Message: "Rate exceeded: too many sign-ins have failed. Try again later.", Status: http.StatusTooManyRequests}
}
