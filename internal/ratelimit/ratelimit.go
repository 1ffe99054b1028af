// Package ratelimit keeps accounts to so many requests per second, with the
// rates of Amazon ECR as the shape: a token bucket for each operation of an
// account in a region, which its principals share fairly, and one for each
// address that pulls without signing in.
//
// It is asked once it is known who calls, so that nobody uses up what is
// another's. Failed sign-ins are for [authn.Guard].
package ratelimit

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/quota"
)

// Message is what ECR says of a request too many.
const Message = "Rate exceeded"

// burstSeconds is how many seconds' worth of requests may come at once. ECR
// publishes rates but no bursts; AWS's own example of one is 200 at 20 per second.
const burstSeconds = 10

// Options are what [New] needs. All but ECR are required.
type Options struct {
	// ECR says whether ECR's rates hold for accounts that have none set.
	ECR bool
	// Rates returns the rates that were set, by account and quota.
	Rates func(ctx context.Context) (map[string]map[quota.Name]int64, error)
	// Nodes returns how many processes share the rates.
	Nodes   func() int
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// A Limiter admits requests, or not. A nil one admits all. It is safe for
// concurrent use, its memory is bounded.
type Limiter struct {
	Options
	defaults  map[quota.Name]int64
	set       atomic.Pointer[map[string]map[quota.Name]int64]
	loadedAt  atomic.Int64 // Unix nanoseconds
	loading   atomic.Bool
	buckets   *buckets
	throttled *prometheus.CounterVec
}

// reloadAfter is how old the rates that were set may be.
const reloadAfter = time.Second

// loadTime is how long they may take to read.
const loadTime = 5 * time.Second

// New returns a limiter that counts what it refuses in
// nifuda_throttled_requests_total. [Limiter.Reload] comes before its first use.
func New(o Options) *Limiter {
	l := &Limiter{
		Options: o, defaults: map[quota.Name]int64{}, buckets: newBuckets(),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_throttled_requests_total",
			Help: "Requests refused because there were too many per second.",
		}, []string{"protocol", "operation"}),
	}
	for _, q := range quota.All() {
		if q.Name.IsRate() && q.Default(o.ECR) != quota.Unlimited {
			l.defaults[q.Name] = q.Default(o.ECR)
		}
	}
	l.set.Store(&map[string]map[quota.Name]int64{})
	o.Metrics.MustRegister(l.throttled)
	return l
}

// Reload reads the rates that were set. Requests have it done once a second.
func (l *Limiter) Reload(ctx context.Context) error {
	rates, err := l.Rates(ctx)
	if err != nil {
		return err
	}
	l.set.Store(&rates)
	l.loadedAt.Store(l.Now().UnixNano())
	return nil
}

// refresh has the rates read beside the request when they are old.
func (l *Limiter) refresh(now time.Time) {
	if now.UnixNano()-l.loadedAt.Load() < int64(reloadAfter) || !l.loading.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer l.loading.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), loadTime)
		defer cancel()
		if err := l.Reload(ctx); err != nil {
			l.loadedAt.Store(now.UnixNano()) // the old ones hold for another second
			l.Log.WarnContext(ctx, "the request rates cannot be read", "error", err)
		}
	}()
}

// A Request is a call whose caller is known.
type Request struct {
	Principal iam.Principal
	// Account and Region are the registry that is asked: an anonymous caller is
	// on its account.
	Account, Region string
	// Operation is ECR's name of it; "" is limited by nothing.
	Operation string
}

// A ThrottledError refuses a request. The record of the request says when to come again.
type ThrottledError struct{}

func (*ThrottledError) Error() string { return Message }

// Admit returns nil or [*ThrottledError].
func (l *Limiter) Admit(ctx context.Context, r Request) error {
	if l == nil || r.Operation == "" {
		return nil
	}
	now := l.Now()
	l.refresh(now)
	set := *l.set.Load()
	if len(set) == 0 && len(l.defaults) == 0 {
		return nil
	}
	account := r.Principal.Account
	if account == "" {
		account = r.Account
	}
	wait := time.Duration(0)
	if r.Principal.IsAnonymous() && r.Operation == pullOperation {
		if rate := l.rate(set, account, quota.AnonymousPulls); rate != quota.Unlimited {
			source := sourceOf(httpx.RecordOf(ctx).Source)
			wait = l.buckets.take(bucketKey{account: account, operation: string(quota.AnonymousPulls), source: source}, "", l.share(rate), now)
		}
	}
	if rate := l.rate(set, account, quota.Rate(r.Operation)); wait == 0 && rate != quota.Unlimited {
		wait = l.buckets.take(bucketKey{account: account, region: r.Region, operation: r.Operation}, principalOf(r.Principal), l.share(rate), now)
	}
	if wait == 0 {
		return nil
	}
	record := httpx.RecordOf(ctx)
	record.Throttled, record.RetryAfter = true, wait+time.Second // rounded up
	l.throttled.WithLabelValues(record.Protocol, r.Operation).Inc()
	return &ThrottledError{}
}

// pullOperation is what a pull is counted by: each reads one manifest or more.
const pullOperation = "BatchGetImage"

// rate returns how often per second an account may do something.
func (l *Limiter) rate(set map[string]map[quota.Name]int64, account string, name quota.Name) int64 {
	if rate, ok := set[account][name]; ok {
		return rate
	}
	if rate, ok := l.defaults[name]; ok {
		return rate
	}
	return quota.Unlimited
}

// share returns this process's part of a rate.
func (l *Limiter) share(rate int64) float64 { return float64(rate) / float64(max(1, l.Nodes())) }

// principalOf names a principal: of a role's sessions all are one, so that
// nobody has more for beginning another.
func principalOf(p iam.Principal) string {
	id, _, _ := strings.Cut(p.UserID, ":")
	return id
}

// sourceOf is an address, of IPv6 its /64, which is what one customer of a
// provider has.
func sourceOf(source netip.Addr) netip.Prefix {
	bits := source.BitLen()
	if source.Is6() {
		bits = 64
	}
	prefix, err := source.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
