package blobtest

import (
	"errors"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
)

// walk returns the objects of a store, none of which it may see twice.
func walk(t *testing.T, s store) map[blob.Location]blob.Object {
	t.Helper()
	seen := map[blob.Location]blob.Object{}
	err := s.Walk(t.Context(), func(o blob.Object) error {
		if _, twice := seen[o.Location]; twice {
			t.Errorf("Walk: %s twice", o.Location)
		}
		seen[o.Location] = o
		return nil
	})
	if err != nil {
		t.Fatalf("Walk: %v", err)
	}
	return seen
}

// removeAll removes what other tests have left.
func removeAll(t *testing.T, s store) {
	t.Helper()
	for location := range walk(t, s) {
		if err := s.Remove(t.Context(), location); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	if got := walk(t, s); len(got) != 0 {
		t.Fatalf("Walk of an empty store: %v", got)
	}
}

func walkAll(t *testing.T, open Opener) {
	s := open(t)
	removeAll(t, s)
	begun, removed := create(t, s), put(t, s, content(10, 1))
	write(t, begun, content(10, 2))
	saved := create(t, s)
	write(t, saved, content(10, 3))
	state := save(t, saved)
	if err := s.Remove(t.Context(), removed); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	start := time.Now().Add(-time.Minute)
	sizes := map[blob.Location]int{}
	for i := range 20 {
		sizes[put(t, s, content(100+i, byte(i)))] = 100 + i
	}
	sizes[put(t, s, nil)] = 0
	sizes[put(t, s, nil)] = 0

	got := walk(t, open(t))
	if len(got) != len(sizes) {
		t.Errorf("Walk: %d objects, want %d", len(got), len(sizes))
	}
	for location, size := range sizes {
		o, ok := got[location]
		// A store that seals what it keeps needs a little more room.
		if !ok || o.Size < int64(size) || o.Size > int64(size)+1<<10 || o.ModTime.Before(start) || o.ModTime.After(time.Now().Add(time.Minute)) {
			t.Errorf("Walk: %+v for %s of %d bytes", o, location, size)
		}
	}
	for _, w := range []blob.Writer{begun, resume(t, s, state)} {
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("Abort: %v", err)
		}
	}
}

func walkAndRemove(t *testing.T, open Opener) {
	s := open(t)
	removeAll(t, s)
	for i := range 50 {
		put(t, s, content(10, byte(i)))
	}
	visited := 0
	err := s.Walk(t.Context(), func(o blob.Object) error {
		visited++
		return s.Remove(t.Context(), o.Location)
	})
	if err != nil || visited != 50 {
		t.Errorf("Walk: %d objects, %v, want 50", visited, err)
	}
	if left := walk(t, s); len(left) != 0 {
		t.Errorf("%d objects left, want none", len(left))
	}
}

func walkUntilError(t *testing.T, open Opener) {
	s := open(t)
	put(t, s, content(10, 1))
	put(t, s, content(10, 2))
	stop, visited := errors.New("stop"), 0
	err := s.Walk(t.Context(), func(blob.Object) error { visited++; return stop })
	if !errors.Is(err, stop) || visited != 1 {
		t.Errorf("Walk: %d objects, %v, want the error of the first", visited, err)
	}
}
