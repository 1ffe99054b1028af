package registry

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func always[V any](V) bool { return true }

func TestCacheReadsOnceUntilAChange(t *testing.T) {
	c := newCache[int](10)
	n := RepositoryName{Name: "app"}
	reads := 0
	get := func() int {
		t.Helper()
		v, err := c.get(n, "v1", func() (int, error) { reads++; return reads, nil }, always)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := func(when string, values ...int) {
		t.Helper()
		for _, value := range values {
			if got := get(); got != value {
				t.Errorf("%s: read number %d, want %d", when, got, value)
			}
		}
	}
	want("without a change", 1, 1)
	made := c.change(n)
	want("during a change", 2, 3)
	made()
	want("after a change", 4, 4)
}

func TestCacheKeepsNeitherErrorsNorWhatItIsToldNotTo(t *testing.T) {
	c := newCache[int](10)
	reads := 0
	failed := errors.New("failed")
	for range 2 {
		if _, err := c.get(RepositoryName{}, "error", func() (int, error) { reads++; return 0, failed }, always); !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if _, err := c.get(RepositoryName{}, "large", func() (int, error) { reads++; return 0, nil }, func(int) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 4 {
		t.Errorf("%d reads, want 4", reads)
	}
}

func TestNoCacheReadsEachTime(t *testing.T) {
	var c *cache[int]
	for want := range 3 {
		c.change(RepositoryName{})()
		if got, err := c.get(RepositoryName{}, "", func() (int, error) { return want, nil }, always); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
}

// TestCacheNeverGoesBack: once a reader has seen a change, no later read may see
// what was before it.
func TestCacheNeverGoesBack(t *testing.T) {
	c := newCache[int64](10)
	n := RepositoryName{Name: "app"}
	var stored atomic.Int64 // what the database has
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20_000 {
			made := c.change(n)
			stored.Add(1)
			made()
		}
	})
	for range 4 {
		wg.Go(func() {
			for last := int64(0); last < 20_000; {
				seen := stored.Load() // as a reader sees it that has no cache
				v, err := c.get(n, "v1", func() (int64, error) { return stored.Load(), nil }, always)
				if err != nil || v < last || v < seen {
					t.Errorf("read %d after %d and %d, %v", v, last, seen, err)
					return
				}
				last = v
			}
		})
	}
	wg.Wait()
}
