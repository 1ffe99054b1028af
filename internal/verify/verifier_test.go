package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/verify"
)

func (f *fixture) verifier(changes ...func(*verify.Options)) *verify.Verifier {
	o := f.options()
	for _, change := range changes {
		change(&o)
	}
	return verify.New(o, prometheus.NewRegistry())
}

func scrubbing(o *verify.Options) { o.Rate = 1 << 40 }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// gauge returns the sum of a metric.
func gauge(t *testing.T, metrics *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := metrics.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return sum
}

func TestTheScrubReadsEverythingOnceADayAndMarks(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		flip(t, f.path(t, i.layerDigest), 7)
		metrics := prometheus.NewRegistry()
		o := f.options()
		scrubbing(&o)
		v := verify.New(o, metrics)
		must(t, v.Work(t.Context(), verify.Scrubbing))
		_, scrub, err := v.Status(t.Context())
		must(t, err)
		if scrub.Running || scrub.Report.Damage() != 1 || scrub.Report.Blobs != 2 || scrub.CompletedAt.UnixMilli() != f.clock.now().UnixMilli() {
			t.Errorf("the scrub is %+v", scrub)
		}
		_, err = f.read(t, i.layerDigest)
		wantDamaged(t, err)
		if damaged, read := gauge(t, metrics, "nifuda_verify_damaged_blobs"), gauge(t, metrics, "nifuda_verify_blobs_total"); damaged != 1 || read != 2 {
			t.Errorf("the metrics say %v damaged and %v read", damaged, read)
		}
		if at := gauge(t, metrics, "nifuda_verify_last_complete_time_seconds"); int64(at) != f.clock.now().Unix() {
			t.Errorf("the last time is %v", at)
		}

		f.push(t, "v2")
		f.clock.advance(23 * time.Hour)
		must(t, v.Work(t.Context(), verify.Scrubbing))
		if _, scrub, err = v.Status(t.Context()); err != nil || scrub.Report.Blobs != 2 {
			t.Errorf("on the same day: %+v, %v", scrub, err)
		}
		f.clock.advance(time.Hour)
		f.log.Reset()
		must(t, v.Work(t.Context(), verify.Scrubbing))
		if _, scrub, err = v.Status(t.Context()); err != nil || scrub.Report.Blobs != 4 || scrub.Report.Damage() != 1 {
			t.Errorf("on the next day: %+v, %v", scrub, err)
		}
		if strings.Contains(f.log.String(), "level=ERROR") {
			t.Errorf("the damage is logged again: %s", f.log)
		}
	})
}

func TestAVerificationReportsAndMarksOnlyToRepair(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i := f.push(t, "v1")
		flip(t, f.path(t, i.layerDigest), 7)
		v := f.verifier()
		if verification, scrub, err := v.Status(t.Context()); err != nil || verification != nil || scrub != nil {
			t.Errorf("before: %v, %v, %v", verification, scrub, err)
		}
		must(t, v.Work(t.Context(), verify.Verifying)) // there is none
		for _, repair := range []bool{false, true} {
			started, err := v.Start(t.Context(), new(int64(0)), repair)
			if err != nil || !started.Running || started.Rate != 0 {
				t.Fatalf("started %+v, %v", started, err)
			}
			if _, err := v.Start(t.Context(), nil, false); !errors.Is(err, verify.ErrRunning) {
				t.Errorf("a second one: %v", err)
			}
			must(t, v.Work(t.Context(), verify.Verifying))
			verification, _, err := v.Status(t.Context())
			if err != nil || verification.Running || verification.Report.Damage() != 1 || verification.Failure != "" {
				t.Errorf("it is %+v, %v", verification, err)
			}
			_, err = f.read(t, i.layerDigest)
			if repair {
				wantDamaged(t, err)
			} else if err != nil {
				t.Errorf("without a repair: %v", err)
			}
		}
		started, err := v.Start(t.Context(), nil, false)
		if err != nil || started.Rate != verify.DefaultRate {
			t.Errorf("started %+v, %v", started, err)
		}
		stopped, err := v.Stop(t.Context())
		if err != nil || stopped.Running || !strings.Contains(stopped.Failure, "stopped") || stopped.CompletedAt.IsZero() {
			t.Errorf("stopped %+v, %v", stopped, err)
		}
		if _, err := v.Stop(t.Context()); !errors.Is(err, verify.ErrNotRunning) {
			t.Errorf("stopped twice: %v", err)
		}
	})
}

// A slowStore ends a context at the so-manieth file that is opened.
type slowStore struct {
	blob.Store
	left int
	end  func()
}

func (s *slowStore) Walk(ctx context.Context, visit func(blob.Object) error) error {
	if s.left--; s.left == 0 {
		s.end()
	}
	return s.Store.Walk(ctx, visit)
}

// dying has the process die when the files are reached: nothing is written after
// that.
func dying(t *testing.T, f *fixture, die func()) func(*verify.Options) {
	t.Helper()
	return func(o *verify.Options) { o.Blobs = &slowStore{Store: f.blobs, left: 1, end: die} }
}

func TestAnotherProcessGoesOnWhereOneEnded(t *testing.T) {
	restore := verify.SetSaveInterval(0)
	defer restore()
	each(t, func(t *testing.T, f *fixture) {
		for range 5 {
			f.push(t, "v1")
		}
		flip(t, f.path(t, f.push(t, "hurt").layerDigest), 7)
		ctx, cancel := context.WithCancel(t.Context())
		first := f.verifier(dying(t, f, cancel))
		_, err := first.Start(ctx, new(int64(0)), false)
		must(t, err)
		must(t, first.Work(ctx, verify.Verifying)) // ends in the middle, and lets go
		holder, running, err := first.HolderOf(t.Context(), verify.Verifying)
		if err != nil || !running || holder != "" {
			t.Fatalf("held by %q, running %v, %v", holder, running, err)
		}
		verification, _, err := first.Status(t.Context())
		if err != nil || !verification.Running || verification.Step != "files" || verification.Report.Blobs != 12 || verification.Report.Files != 0 {
			t.Errorf("in the middle: %+v, %v", verification, err)
		}
		second := f.verifier()
		must(t, second.Work(t.Context(), verify.Verifying))
		verification, _, err = second.Status(t.Context())
		if err != nil || verification.Running || verification.Report.Blobs != 12 || verification.Report.Files != 6 || verification.Report.Damage() != 1 {
			t.Errorf("at the end: %+v, %v", verification, err)
		}
	})
}

func TestOneProcessIsAtAWork(t *testing.T) {
	restore := verify.SetSaveInterval(0)
	defer restore()
	each(t, func(t *testing.T, f *fixture) {
		if f.store.Exclusive() {
			t.Skip("there is no other process")
		}
		f.push(t, "v1")
		other := f.verifier(scrubbing)
		first := f.verifier(scrubbing, func(o *verify.Options) {
			o.Blobs = &slowStore{Store: f.blobs, left: 1, end: func() {
				must(t, other.Work(t.Context(), verify.Scrubbing))
				_, scrub, err := other.Status(t.Context())
				if err != nil || !scrub.Running {
					t.Errorf("another process is at it: %+v, %v", scrub, err)
				}
				f.clock.advance(2 * time.Minute) // in which the first one says nothing
				must(t, other.Work(t.Context(), verify.Scrubbing))
				_, scrub, err = other.Status(t.Context())
				if err != nil || scrub.Running {
					t.Errorf("no other process is at it: %+v, %v", scrub, err)
				}
			}}
		})
		must(t, first.Work(t.Context(), verify.Scrubbing))
		_, scrub, err := first.Status(t.Context())
		if err != nil || scrub.Running || scrub.Report.Blobs != 2 || scrub.Report.Files != 1 {
			t.Errorf("the scrub is %+v, %v", scrub, err)
		}
	})
}

func TestThePaceIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := verify.NewPace(1 << 20)
		began := time.Now()
		for range 40 {
			must(t, p.Spend(t.Context(), 256<<10))
		}
		if took := time.Since(began); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("10 MiB took %v", took)
		}
		time.Sleep(time.Hour) // a rest is not made up for
		began = time.Now()
		for range 4 {
			must(t, p.Spend(t.Context(), 256<<10))
		}
		if took := time.Since(began); took < 900*time.Millisecond {
			t.Errorf("after a rest, 1 MiB took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Spend(ctx, 1<<30); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
