package ratelimit_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/ratelimit"
)

const account = "123456789012"

// A fixture is a limiter whose clock and rates a test sets.
type fixture struct {
	*ratelimit.Limiter
	clock atomic.Int64 // Unix nanoseconds: the limiter reads it behind the test, too
	rates map[string]map[quota.Name]int64
	nodes atomic.Int64
}

func newFixture(t testing.TB, ecr bool, rates map[quota.Name]int64) *fixture {
	t.Helper()
	f := &fixture{rates: map[string]map[quota.Name]int64{account: rates}}
	f.clock.Store(time.Unix(1_800_000_000, 0).UnixNano())
	f.nodes.Store(1)
	if rates == nil {
		f.rates = nil
	}
	f.Limiter = ratelimit.New(ratelimit.Options{
		ECR: ecr, Rates: func(context.Context) (map[string]map[quota.Name]int64, error) { return f.rates, nil },
		Nodes: func() int { return int(f.nodes.Load()) }, Now: f.now,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	if err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) now() time.Time { return time.Unix(0, f.clock.Load()) }

func (f *fixture) pass(d time.Duration) { f.clock.Add(int64(d)) }

func user(name string) iam.Principal {
	return iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account, UserID: "AIDA" + name}
}

// ask makes requests of a principal and returns how many were admitted.
func (f *fixture) ask(t testing.TB, p iam.Principal, operation string, times int) (admitted int) {
	t.Helper()
	for range times {
		if f.Admit(t.Context(), ratelimit.Request{Principal: p, Account: account, Region: "us-east-1", Operation: operation}) == nil {
			admitted++
		}
	}
	return admitted
}

func TestABurstIsAdmittedAndThenTheRate(t *testing.T) {
	f := newFixture(t, true, nil)
	if n := f.ask(t, user("a"), "PutImage", 500); n != 100 {
		t.Errorf("a burst of %d, want 100: ten seconds of ECR's 10 per second", n)
	}
	f.pass(2 * time.Second)
	if n := f.ask(t, user("a"), "PutImage", 500); n != 20 {
		t.Errorf("%d in two seconds, want 20", n)
	}
	if n := f.ask(t, user("a"), "DescribeImages", 1000); n != 1000 {
		t.Errorf("%d of an operation without a rate", n)
	}
}

func TestNothingIsLimitedByDefault(t *testing.T) {
	f := newFixture(t, false, nil)
	if n := f.ask(t, user("a"), "PutImage", 10_000); n != 10_000 {
		t.Errorf("%d of 10000", n)
	}
}

func TestRatesOfAnAccountReplaceThoseOfTheServer(t *testing.T) {
	f := newFixture(t, true, map[quota.Name]int64{quota.Rate("PutImage"): quota.Unlimited, quota.Rate("DescribeImages"): 1, quota.Rate("ListImages"): 0})
	for operation, want := range map[string]int{"PutImage": 1000, "DescribeImages": 10, "ListImages": 0} {
		if n := f.ask(t, user("a"), operation, 1000); n != want {
			t.Errorf("%s: %d, want %d", operation, n, want)
		}
	}
}

// One who asks all the time and others who ask now and then: these get all that
// they ask for within their part, and what they leave is the first one's.
func TestOneNoisyPrincipalDoesNotStarveTheOthers(t *testing.T) {
	f := newFixture(t, false, map[quota.Name]int64{quota.Rate("PutImage"): 100})
	noisy := 0
	quiet := make([]int, 4)
	const rounds = 3000 // of 10 ms
	for round := range rounds {
		f.pass(10 * time.Millisecond)
		noisy += f.ask(t, user("noisy"), "PutImage", 20)
		if round%10 == 0 { // ten times a second each
			for i := range quiet {
				quiet[i] += f.ask(t, user(fmt.Sprintf("quiet%d", i)), "PutImage", 1)
			}
		}
	}
	for i, n := range quiet {
		if n < rounds/10*98/100 {
			t.Errorf("a quiet principal, %d, got %d of %d", i, n, rounds/10)
		}
	}
	total := noisy
	for _, n := range quiet {
		total += n
	}
	if least, most := rounds, rounds+1000; total < least || total > most { // 100 per second, and the burst
		t.Errorf("%d were admitted in all, want %d to %d: nothing is lost, nothing is added", total, least, most)
	}
}

func TestEqualsShareEqually(t *testing.T) {
	f := newFixture(t, false, map[quota.Name]int64{quota.Rate("PutImage"): 90})
	got := make([]int, 3)
	for range 3000 {
		f.pass(10 * time.Millisecond)
		for i := range got {
			got[i] += f.ask(t, user(fmt.Sprint("p", i)), "PutImage", 5)
		}
	}
	for i, n := range got[1:] {
		if diff := n - got[0]; diff < -got[0]/10 || diff > got[0]/10 {
			t.Errorf("principal %d got %d, the first one %d", i+1, n, got[0])
		}
	}
}

func TestSessionsOfARoleAreOnePrincipal(t *testing.T) {
	f := newFixture(t, false, map[quota.Name]int64{quota.Rate("PutImage"): 10})
	session := func(name string) iam.Principal {
		return iam.Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/ci/" + name, Account: account, UserID: "AROACI:" + name}
	}
	f.ask(t, session("0"), "PutImage", 1000)
	f.ask(t, user("other"), "PutImage", 1)
	f.pass(time.Second)
	f.ask(t, user("other"), "PutImage", 1)
	ci := 0
	for i := range 100 {
		ci += f.ask(t, session(strconv.Itoa(i)), "PutImage", 1)
	}
	if ci > 6 {
		t.Errorf("many sessions of a role got %d in a second, of which half of 10 are theirs", ci)
	}
}

func TestNodesShareARate(t *testing.T) {
	f := newFixture(t, true, nil)
	f.nodes.Store(4)
	if n := f.ask(t, user("a"), "PutImage", 500); n != 25 {
		t.Errorf("%d on one of four nodes, want 25", n)
	}
}

func BenchmarkAdmitOff(b *testing.B) { benchmark(b, newFixture(b, false, nil)) }

func BenchmarkAdmitOn(b *testing.B) { benchmark(b, newFixture(b, true, nil)) }

func benchmark(b *testing.B, f *fixture) {
	b.ReportAllocs()
	ctx, r := context.Background(), ratelimit.Request{Principal: user("a"), Account: account, Region: "us-east-1", Operation: "BatchGetImage"}
	for b.Loop() {
		f.pass(time.Millisecond) // never too soon
		_ = f.Admit(ctx, r)
	}
}
