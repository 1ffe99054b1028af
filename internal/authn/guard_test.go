package authn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/httpx"
)

// A clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A guarded is a guard whose sign-ins succeed or fail as a test says.
type guarded struct {
	*authn.Guard
	clock   *clock
	metrics *prometheus.Registry
	log     *bytes.Buffer
}

func newGuarded() guarded {
	g := guarded{clock: &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, metrics: prometheus.NewRegistry(), log: new(bytes.Buffer)}
	g.Guard = authn.NewGuard(g.clock.Now, slog.New(slog.NewTextHandler(g.log, nil)), g.metrics)
	return g
}

// from runs f with the context of a request from an address, behind the handler
// that every request is behind.
func from(source string, f func(ctx context.Context)) *httptest.ResponseRecorder {
	h := httpx.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(r.Context()) }),
		httpx.Options{Log: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	r.RemoteAddr = source
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// try signs in and returns whether the proof was looked at.
func (g guarded) try(source, key string, good bool) (admitted bool) {
	from(source, func(ctx context.Context) {
		if g.Admit(ctx, authn.PlaneAPI, key) != nil {
			return
		}
		admitted = true
		if good {
			g.Succeeded(ctx, key)
		} else {
			g.Failed(ctx, authn.PlaneAPI, key, "wrong")
		}
	})
	return admitted
}

// exhaust fails until nothing more is admitted.
func (g guarded) exhaust(t *testing.T, source, key string) {
	t.Helper()
	for range authn.GuardBurst {
		if !g.try(source, key, false) {
			t.Fatal("refused within the burst")
		}
	}
	if g.try(source, key, false) {
		t.Fatal("admitted beyond the burst")
	}
}

const (
	attacker = "203.0.113.7:4711"
	bystand  = "198.51.100.1:4711"
)

func TestGuessesBeyondTheBurstAreRefusedUnseen(t *testing.T) {
	g := newGuarded()
	g.exhaust(t, attacker, "AKIAVICTIM")
	if g.try(attacker, "AKIAOTHER", false) {
		t.Error("the source is admitted with another key")
	}
	if g.try(attacker, "", false) {
		t.Error("the source is admitted without a key")
	}
	if !g.try(bystand, "AKIAVICTIM", false) {
		t.Error("a source without failures has not even a first try")
	}
	if g.try(bystand, "AKIAVICTIM", false) {
		t.Error("the key is admitted from another source that fails")
	}
	if !g.try(bystand, "AKIAOTHER", true) {
		t.Error("a bystander with another key is refused")
	}
}

func TestGoodSignInsNeverCount(t *testing.T) {
	g := newGuarded()
	for range 10 * authn.GuardBurst {
		if !g.try(attacker, "AKIAGOOD", true) {
			t.Fatal("a good sign-in is refused")
		}
	}
}

func TestPausedSourceMayTryAgainAfterThePause(t *testing.T) {
	g := newGuarded()
	g.exhaust(t, attacker, "")
	g.clock.advance(authn.GuardPause - time.Millisecond)
	if g.try(attacker, "", false) {
		t.Error("admitted too early")
	}
	g.clock.advance(time.Millisecond)
	if !g.try(attacker, "", false) {
		t.Error("refused after the pause")
	}
	if g.try(attacker, "", false) {
		t.Error("two are admitted after the pause of one")
	}
	g.clock.advance(authn.GuardBurst * authn.GuardPause)
	g.exhaust(t, attacker, "")
}

func TestKnownSourceIsNotLockedOutByOthers(t *testing.T) {
	g := newGuarded()
	g.try(bystand, "AKIAVICTIM", true)
	g.exhaust(t, attacker, "AKIAVICTIM")
	if !g.try(bystand, "AKIAVICTIM", true) {
		t.Error("the owner of the key is locked out by a guesser elsewhere")
	}
	g.exhaust(t, bystand, "") // a neighbor behind the same address
	if !g.try(bystand, "AKIAVICTIM", true) {
		t.Error("the owner of the key is locked out by a guesser at the same address")
	}
}

// A runner of a build service has another address each time, and whoever has
// read an access key id in a log can fail with it without end.
func TestNewSourceIsNotLockedOutByOthers(t *testing.T) {
	g := newGuarded()
	for _, source := range []string{attacker, "203.0.113.8:4711", "203.0.113.9:4711"} {
		for range 2 * authn.GuardBurst {
			g.try(source, "AKIAVICTIM", false)
		}
	}
	if !g.try(bystand, "AKIAVICTIM", true) {
		t.Error("the owner of the key is locked out at a new address")
	}
}

func TestKnownSourceIsLockedOutByItself(t *testing.T) {
	g := newGuarded()
	g.try(attacker, "AKIAVICTIM", true)
	g.exhaust(t, attacker, "AKIAVICTIM")
}

func TestAcquaintanceEnds(t *testing.T) {
	g := newGuarded()
	g.try(bystand, "AKIAVICTIM", true)
	g.clock.advance(25 * time.Hour)
	g.exhaust(t, attacker, "AKIAVICTIM")
	g.try(bystand, "AKIAOTHER", false)
	if g.try(bystand, "AKIAVICTIM", true) {
		t.Error("a source that was seen long ago is admitted after a failure")
	}
}

func TestNeighborsInIPv6AreOneSource(t *testing.T) {
	g := newGuarded()
	g.exhaust(t, "[2001:db8:1:2::1]:4711", "")
	if g.try("[2001:db8:1:2:ffff::9]:4711", "", false) {
		t.Error("another address of the same /64 is admitted")
	}
	if !g.try("[2001:db8:1:3::1]:4711", "", false) {
		t.Error("another /64 is refused")
	}
}

func TestRefusalSaysWhenToTryAgain(t *testing.T) {
	g := newGuarded()
	g.exhaust(t, attacker, "")
	h := httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused, ok := errors.AsType[*authn.Error](g.Admit(r.Context(), authn.PlaneRegistry, ""))
		if !ok || refused.Code != authn.CodeThrottling {
			t.Fatalf("got %v", refused)
		}
		w.WriteHeader(refused.Status)
	}), httpx.Options{Log: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodGet, "/v2/", http.NoBody)
	r.RemoteAddr = attacker
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "7" {
		t.Errorf("got %d with Retry-After %q, want 429 with 7", w.Code, w.Header().Get("Retry-After"))
	}
}

// TestGuessesStayWithinTheRate tries at random and holds the guard to what it
// promises: a burst, and one more for each pause.
func TestGuessesStayWithinTheRate(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		g := newGuarded()
		start, admitted := g.clock.Now(), 0
		for range 2000 {
			g.clock.advance(time.Duration(random.Int64N(int64(3 * time.Second))))
			if g.try(attacker, "", false) {
				admitted++
			}
			most := authn.GuardBurst + int(g.clock.Now().Sub(start)/authn.GuardPause)
			if admitted > most {
				t.Fatalf("seed %d: %d guesses after %s, at most %d allowed", seed, admitted, g.clock.Now().Sub(start), most)
			}
		}
		if least := int(g.clock.Now().Sub(start)/authn.GuardPause) / 2; admitted < least {
			t.Errorf("seed %d: only %d guesses were admitted, at least %d expected", seed, admitted, least)
		}
	}
}

// failTogether has so many guesses admitted before the first of them fails.
func (g guarded) failTogether(parallel int) {
	var inside, wg sync.WaitGroup
	inside.Add(parallel)
	for range parallel {
		wg.Go(func() {
			from(attacker, func(ctx context.Context) {
				err := g.Admit(ctx, authn.PlaneAPI, "AKIAVICTIM")
				inside.Done()
				inside.Wait()
				if err == nil {
					g.Failed(ctx, authn.PlaneAPI, "AKIAVICTIM", "wrong")
				}
			})
		})
	}
	wg.Wait()
}

func TestParallelGuessesArePaidForLater(t *testing.T) {
	g := newGuarded()
	g.failTogether(2 * authn.GuardBurst)
	g.clock.advance(authn.GuardBurst * authn.GuardPause)
	if g.try(attacker, "AKIAVICTIM", false) {
		t.Error("guesses that were under way together cost nothing")
	}
	g.clock.advance(authn.GuardPause)
	if !g.try(attacker, "AKIAVICTIM", false) {
		t.Error("guesses that were under way together cost more than they are")
	}
}

func TestNobodyIsKeptOutForLong(t *testing.T) {
	g := newGuarded()
	g.failTogether(10 * authn.GuardBurst)
	g.clock.advance(5 * time.Minute)
	if !g.try(attacker, "AKIAVICTIM", false) {
		t.Error("a source is kept out for longer than five minutes")
	}
}

func TestGuardIsSafeForConcurrentUse(t *testing.T) {
	g := newGuarded()
	var wg sync.WaitGroup
	for _, source := range []string{attacker, bystand, "[2001:db8::1]:1"} {
		for i := range 4 {
			wg.Go(func() {
				for n := range 200 {
					g.try(source, "AKIA"+string(rune('A'+n%7)), i == 0)
				}
			})
		}
	}
	wg.Wait()
}

func TestFailuresAreCountedAndLoggedWithoutSecrets(t *testing.T) {
	g := newGuarded()
	g.try(attacker, "AKIAVICTIM", false)
	g.try(attacker, "AKIAVICTIM", false) // within the same second: no line
	g.clock.advance(time.Second)
	g.try(attacker, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false)
	lines := strings.Split(strings.TrimSpace(g.log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %d lines, want 2:\n%s", len(lines), g.log)
	}
	if !strings.Contains(lines[0], "source=203.0.113.7 access_key_id=AKIAVICTIM plane=api reason=wrong") {
		t.Errorf("got %s", lines[0])
	}
	if !strings.Contains(lines[1], "unsaid=1") || strings.Contains(lines[1], "wJalr") {
		t.Errorf("got %s", lines[1])
	}
	for range 2 * authn.GuardBurst {
		g.try(attacker, "", false)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for _, want := range []string{
		`nifuda_signin_failures_total{plane="api",reason="wrong"} 20`,
		`nifuda_signin_throttled_total{plane="api"} 23`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("got\n%s\nwithout %s", w.Body, want)
		}
	}
}

// TestSignaturesAreGuarded signs with a wrong secret until the right one is
// refused too, and has the record say whose key that was.
func TestSignaturesAreGuarded(t *testing.T) {
	g := newGuarded()
	g.clock.now = testNow()
	verifier := g.Verifier(authn.NewVerifier(testKeys(), g.clock.Now, "ecr", "nifuda"))
	call := func(s signer) (record httpx.Record, err error) {
		from(attacker, func(ctx context.Context) {
			r := newCall("{}").WithContext(ctx)
			s.header(r, "{}")
			if err = verifier.Precheck(ctx, r); err == nil {
				_, err = verifier.Verify(ctx, r, []byte("{}"))
			}
			record = *httpx.RecordOf(ctx)
		})
		return record, err
	}
	bad := newSigner()
	bad.secret = "guess"
	for range authn.GuardBurst {
		record, err := call(bad)
		if got := refusal(t, err); got.Code != authn.CodeInvalidSignature {
			t.Fatalf("got %v", got)
		}
		if record.AccessKeyID != bad.keyID || record.Caller.ARN != "" {
			t.Fatalf("the record has %+v", record)
		}
	}
	if _, err := call(newSigner()); refusal(t, err).Code != authn.CodeThrottling {
		t.Errorf("got %v", err)
	}
	g.clock.advance(authn.GuardPause)
	record, err := call(newSigner())
	if err != nil {
		t.Fatal(err)
	}
	if record.Caller.ARN == "" || record.Region == "" {
		t.Errorf("the record has %+v", record)
	}
}

// TestLoginsAreGuarded guesses at the secret of an access key as docker login does.
func TestLoginsAreGuarded(t *testing.T) {
	g := newGuarded()
	g.clock.now = testNow()
	desk := newDesk(t, 1, loginKeys(), g.clock.Now)
	token, _ := desk.issue(t, testIdentity())
	logins := g.Logins(desk.Logins)
	login := func(source string, header ...string) (record httpx.Record, err error) {
		from(source, func(ctx context.Context) {
			r := withAuthorization(header...).WithContext(ctx)
			if len(header) == 0 {
				delete(r.Header, "Authorization")
			}
			_, err = logins.Login(r)
			record = *httpx.RecordOf(ctx)
		})
		return record, err
	}
	for range 2 * authn.GuardBurst { // no proof is no guess
		if _, err := login(attacker); !errors.Is(err, authn.ErrNoCredentials) {
			t.Fatal(err)
		}
	}
	for range authn.GuardBurst {
		record, err := login(attacker, basic(testKeyID, "guess"))
		if !errors.Is(err, authn.ErrBadCredentials) || record.AccessKeyID != testKeyID || record.Caller.ARN != "" {
			t.Fatalf("got %v, and the record has %+v", err, record)
		}
	}
	for name, header := range map[string]string{
		"the right secret":  basic(testKeyID, testSecret),
		"no token":          basic("AWS", "guess"),
		"no bearer token":   "Bearer guess",
		"another's secret":  basic("AKIAOTHER", "guess"),
		"an unknown scheme": "Negotiate guess",
	} {
		if _, err := login(attacker, header); refusal(t, err).Code != authn.CodeThrottling {
			t.Errorf("%s: got %v", name, err)
		}
	}
	record, err := login(attacker, basic("AWS", token))
	if err != nil || record.Caller.ARN != testIdentity().Principal.ARN || record.AccessKeyID != testKeyID || record.Region != "eu-west-1" {
		t.Errorf("a good token: got %v, and the record has %+v", err, record)
	}
	if _, err := login(attacker, basic(testKeyID, testSecret)); err != nil {
		t.Errorf("the key that this source has just used by a token: got %v", err)
	}
}

func TestPasswordsAreGuarded(t *testing.T) {
	g := newGuarded()
	g.clock.now = testNow()
	logins := g.Logins(newDesk(t, 1, loginKeys(), g.clock.Now).Logins)
	for i := range authn.GuardBurst + 1 {
		from(attacker, func(ctx context.Context) {
			_, err := logins.Password(ctx, testKeyID, "guess")
			if throttled := !errors.Is(err, authn.ErrBadCredentials); throttled != (i == authn.GuardBurst) {
				t.Errorf("guess %d: got %v", i+1, err)
			}
		})
	}
}

func BenchmarkGuard(b *testing.B) {
	g := newGuarded()
	from(attacker, func(ctx context.Context) {
		for b.Loop() {
			if g.Admit(ctx, authn.PlaneAPI, "AKIAGOOD") == nil {
				g.Succeeded(ctx, "AKIAGOOD")
			}
		}
	})
}

// The parameters of a presigned request may be spelled with escapes.
func TestClaimedKeyIsTheOneThatIsVerified(t *testing.T) {
	g := newGuarded()
	verifier := g.Verifier(authn.NewVerifier(testKeys(), g.clock.Now, "ecr"))
	for _, name := range []string{"X-Amz-Credential", "X-Amz%2DCredential", "%58-Amz-Credential"} {
		from(attacker, func(ctx context.Context) {
			r := newCall("").WithContext(ctx)
			r.URL.RawQuery = name + "=AKIAIOSFODNN7EXAMPLE/20261122/us-east-1/ecr/aws4_request&x=;"
			_ = verifier.Precheck(ctx, r)
			if got := httpx.RecordOf(ctx).AccessKeyID; got != "AKIAIOSFODNN7EXAMPLE" {
				t.Errorf("%s claims %q", name, got)
			}
		})
	}
}
