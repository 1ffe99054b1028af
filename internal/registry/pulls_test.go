package registry_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// pulled is how often something was pulled, in all and by day.
func (f fixture) pulled(t *testing.T, in registry.PullStatistics) string {
	t.Helper()
	in.Repository = app
	var text []string
	var after registry.Cursor
	for page := 0; page == 0 || after != (registry.Cursor{}); page++ {
		total, days, next, err := f.PullStatistics(t.Context(), in, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if page == 0 {
			text = append(text, strconv.FormatInt(total.Pulls, 10))
		}
		for _, d := range days {
			text = append(text, fmt.Sprintf("%s:%d@%s", d.Day.Format(time.DateOnly), d.Pulls, d.Last.UTC().Format(time.TimeOnly)))
		}
		after = next
	}
	return strings.Join(text, " ")
}

func (f fixture) flush(t *testing.T) {
	t.Helper()
	if err := f.FlushPulls(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPullsAreCountedByDayAndByWhatWasAskedFor(t *testing.T) {
	each(t, func(t *testing.T, f fixture) { // 2026-01-02, 03:04:05
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one, "v1", "latest")
		f.push(t, app, two, "v2")
		f.RecordPull(app, "v1", digestOf(one))
		f.RecordPull(app, "v1", digestOf(one))
		f.RecordPull(app, "latest", digestOf(one))
		f.RecordPull(app, "", digestOf(one))
		f.RecordPull(app, "v2", digestOf(two))
		f.flush(t)
		f.clock.advance(20*time.Hour + 55*time.Minute) // 23:59:05
		f.RecordPull(app, "v1", digestOf(one))
		f.clock.advance(time.Minute)
		f.RecordPull(app, "v1", digestOf(one))
		f.flush(t)
		f.clock.advance(48 * time.Hour)
		f.RecordPull(app, "latest", digestOf(one))
		f.flush(t)
		for name, c := range map[string]struct {
			in   registry.PullStatistics
			want string
		}{
			"repository": {registry.PullStatistics{}, "8 2026-01-05:1@00:00:05 2026-01-03:1@00:00:05 2026-01-02:6@23:59:05"},
			"tag":        {registry.PullStatistics{Tag: "v1"}, "4 2026-01-03:1@00:00:05 2026-01-02:3@23:59:05"},
			"image":      {registry.PullStatistics{Digest: digestOf(one)}, "7 2026-01-05:1@00:00:05 2026-01-03:1@00:00:05 2026-01-02:5@23:59:05"},
			"other tag":  {registry.PullStatistics{Tag: "v2"}, "1 2026-01-02:1@03:04:05"},
			"no tag":     {registry.PullStatistics{Tag: "none"}, "0"},
			"some days": {
				registry.PullStatistics{From: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)},
				"1 2026-01-03:1@00:00:05",
			},
		} {
			if diff := cmp.Diff(c.want, f.pulled(t, c.in)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

func TestCountsOfSeveralNodesAddUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		f := fixture{open(t, s, t.TempDir(), c), s, c}
		f.create(t, app, registry.TagMutability{})
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		other := open(t, s, t.TempDir(), c)
		failed := make(chan error, 8)
		for range 4 {
			for _, node := range []*registry.Registry{f.Registry, other} {
				node.RecordPull(app, "v1", digestOf(payload))
				go func() { failed <- node.FlushPulls(t.Context()) }()
			}
		}
		for range 8 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		f.flush(t)
		if got := f.pulled(t, registry.PullStatistics{Tag: "v1"}); got != "8 2026-01-02:8@03:04:05" {
			t.Error(got)
		}
	})
}

func TestPullsThatCannotBeStoredAreStoredLater(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.RecordPull(app, "v1", digestOf(payload))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.FlushPulls(gone); err == nil {
			t.Fatal("stored without a database")
		}
		f.RecordPull(app, "v1", digestOf(payload))
		f.flush(t)
		f.flush(t) // nothing twice
		if got := f.pulled(t, registry.PullStatistics{}); got != "2 2026-01-02:2@03:04:05" {
			t.Error(got)
		}
	})
}

func TestCountsStayWithAnImageThatComesBackAndGoWithOneThatDoesNot(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		digest := digestOf(payload)
		f.push(t, app, payload, "v1")
		f.RecordPull(app, "v1", digest)
		f.flush(t)
		of := registry.PullStatistics{Digest: digest}
		f.delete(t, app, digest)
		f.restore(t, registry.ImageRestoration{Digest: digest})
		if got := f.pulled(t, of); got != "1 2026-01-02:1@03:04:05" {
			t.Errorf("after an undelete: %s", got)
		}
		purge := func() {
			t.Helper()
			f.clock.advance(window + time.Hour)
			if _, err := f.PurgeDeletedImages(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
		}
		f.delete(t, app, digest)
		f.push(t, app, payload, "v1")
		purge()
		if got := f.pulled(t, of); got != "1 2026-01-02:1@03:04:05" {
			t.Errorf("pushed again: %s", got)
		}
		f.delete(t, app, digest)
		purge()
		if got := f.pulled(t, of); got != "0" {
			t.Errorf("after the purge: %s", got)
		}
	})
}

func TestCountsOfImagesThatAreGoneAtOnceGoAtOnce(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.RecordPull(app, "v1", digestOf(payload))
		f.flush(t)
		f.delete(t, app, digestOf(payload))
		if got := f.pulled(t, registry.PullStatistics{Digest: digestOf(payload)}); got != "0" {
			t.Error(got)
		}
	})
}

func TestOldDaysAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.RecordPull(app, "v1", digestOf(payload))
		f.flush(t)
		for _, step := range []struct {
			days int
			want string
		}{{400, "1 2026-01-02:1@03:04:05"}, {1, "0"}} {
			f.clock.advance(time.Duration(step.days) * 24 * time.Hour)
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := f.pulled(t, registry.PullStatistics{}); got != step.want {
				t.Errorf("%d days later: %s", step.days, got)
			}
		}
	})
}

// TestOneRegistryCannotMakeSeriesWithoutEnd: a metric by repository is bounded, and
// so is what is remembered of pulls.
func TestOneRegistryCannotMakeSeriesWithoutEnd(t *testing.T) {
	s := storetest.SQLite(t)
	metrics := prometheus.NewRegistry()
	r := openWith(t, s, t.TempDir(), newClock(), func(o *registry.Options) { o.Metrics = metrics })
	const pulls = 60_000
	for i := range pulls {
		r.RecordPull(registry.RepositoryName{Registry: home, Name: fmt.Sprint("hostile", i)}, "", "sha256:x")
	}
	elsewhere := registry.RepositoryName{Registry: registry.ID{Account: "210987654321", Region: "us-east-1"}, Name: "app"}
	r.RecordPull(elsewhere, "", "sha256:x")
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, lost, own := 0.0, 0.0, false
	for _, family := range families {
		switch family.GetName() {
		case "nifuda_pulls_lost_total":
			lost = family.GetMetric()[0].GetCounter().GetValue()
		case "nifuda_repository_pulls_total":
			if n := len(family.GetMetric()); n != 102 {
				t.Errorf("%d series", n)
			}
			for _, m := range family.GetMetric() {
				sum += m.GetCounter().GetValue()
				own = own || m.GetLabel()[2].GetValue() == "app"
			}
		}
	}
	if sum != pulls+1 || lost != 10_001 || !own {
		t.Errorf("%v pulls were counted, %v lost; the other account has a series: %v", sum, lost, own)
	}
}
