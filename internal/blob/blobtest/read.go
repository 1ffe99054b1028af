package blobtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/nifuda/nifuda/internal/blob"
)

func twice(t *testing.T, open Opener) {
	s := open(t)
	want := content(1000, 1)
	first, second := put(t, s, want), put(t, s, want)
	if first == second {
		t.Fatalf("both live at %s", first)
	}
	if err := s.Remove(t.Context(), first); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	checkNotFound(t, s, first)
	checkContent(t, s, second, want)
}

func removeTwice(t *testing.T, open Opener) {
	s := open(t)
	location := put(t, s, content(1000, 2))
	for range 3 {
		if err := s.Remove(t.Context(), location); err != nil {
			t.Fatalf("Remove: %v", err)
		}
		checkNotFound(t, s, location)
	}
}

func missing(t *testing.T, open Opener) {
	s := open(t)
	gone := put(t, s, content(1000, 3))
	if err := s.Remove(t.Context(), gone); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	for _, location := range []blob.Location{gone, "", "no such blob", "../../etc/passwd"} {
		checkNotFound(t, s, location)
	}
}

func seek(t *testing.T, open Opener) {
	s := open(t)
	want := content(300_000, 4)
	r, err := s.Open(t.Context(), put(t, s, want), len(want))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer r.Close()
	if size, err := r.Seek(0, io.SeekEnd); size != int64(len(want)) || err != nil {
		t.Fatalf("Seek to the end: %d, %v, want %d", size, err, len(want))
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("Read at the end: %d, %v, want EOF", n, err)
	}
	for _, span := range []struct{ from, size int }{{0, 1}, {299_999, 1}, {100_000, 150_000}, {5, 0}, {0, 300_000}} {
		if at, err := r.Seek(int64(span.from), io.SeekStart); at != int64(span.from) || err != nil {
			t.Fatalf("Seek to %d: %d, %v", span.from, at, err)
		}
		got := make([]byte, span.size)
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatalf("read %d bytes at %d: %v", span.size, span.from, err)
		}
		if !bytes.Equal(got, want[span.from:span.from+span.size]) {
			t.Errorf("%d bytes at %d differ", span.size, span.from)
		}
	}
}
