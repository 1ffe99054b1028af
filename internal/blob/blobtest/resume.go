package blobtest

import (
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
)

func resumeElsewhere(t *testing.T, open Opener) {
	for _, size := range []int{2, 64 << 10, 5<<20 + 3} {
		want := content(size, 1)
		third := size / 3
		w := create(t, open(t))
		write(t, w, want[:third])
		state := save(t, w)

		w = resume(t, open(t), state)
		checkSize(t, w, third)
		write(t, w, want[third:2*third])
		state = save(t, w)

		s := open(t)
		w = resume(t, s, state)
		checkSize(t, w, 2*third)
		write(t, w, want[2*third:])
		checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)
	}
}

func resumeUnchanged(t *testing.T, open Opener) {
	s := open(t)
	want := content(100_000, 2)
	w := create(t, s)
	write(t, w, want)
	w = resume(t, s, save(t, w))
	w = resume(t, s, save(t, w))
	checkSize(t, w, len(want))
	checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)
}

func resumeEmpty(t *testing.T, open Opener) {
	s := open(t)
	state := save(t, create(t, s))

	w := resume(t, s, state)
	checkSize(t, w, 0)
	write(t, w, []byte("dropped"))
	if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrDigestMismatch) {
		t.Fatalf("Commit: %v, want ErrDigestMismatch", err)
	}

	w = resume(t, open(t), state)
	want := content(1000, 3)
	write(t, w, want)
	checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)

	empty := resume(t, s, save(t, create(t, s)))
	checkContent(t, s, commit(t, empty, digest.FromBytes(nil)), nil)
}

func bytesAfterSave(t *testing.T, open Opener) {
	s := open(t)
	want := content(200_001, 4)
	w := create(t, s)
	write(t, w, want[:100_001])
	state := save(t, w)
	for _, extra := range []int{1, 70_000, 300_000} {
		w = resume(t, s, state)
		write(t, w, content(extra, 5))
		if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrDigestMismatch) {
			t.Fatalf("Commit: %v, want ErrDigestMismatch", err)
		}
	}
	s = open(t)
	w = resume(t, s, state)
	checkSize(t, w, 100_001)
	write(t, w, want[100_001:])
	checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)
}

func olderSave(t *testing.T, open Opener) {
	s := open(t)
	want := content(50_000, 6)
	w := create(t, s)
	write(t, w, want)
	older := save(t, w)
	w = resume(t, s, older)
	write(t, w, content(90_000, 7))
	save(t, w)

	w = resume(t, s, older)
	checkSize(t, w, len(want))
	checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)
}

func mismatchAfterSave(t *testing.T, open Opener) {
	s := open(t)
	want := content(50_000, 8)
	w := create(t, s)
	write(t, w, want)
	state := save(t, w)
	for range 2 {
		_, _, err := resume(t, s, state).Commit(t.Context(), digest.FromString("other bytes"))
		if !errors.Is(err, blob.ErrDigestMismatch) {
			t.Fatalf("Commit: %v, want ErrDigestMismatch", err)
		}
	}
	checkContent(t, s, commit(t, resume(t, s, state), digest.FromBytes(want)), want)
}

func resumeEnded(t *testing.T, open Opener) {
	s := open(t)
	want := content(1000, 9)
	for name, end := range map[string]func(blob.Writer){
		"committed": func(w blob.Writer) { commit(t, w, digest.FromBytes(want)) },
		"aborted": func(w blob.Writer) {
			if err := w.Abort(t.Context()); err != nil {
				t.Fatalf("Abort: %v", err)
			}
		},
	} {
		w := create(t, s)
		write(t, w, want)
		state := save(t, w)
		end(resume(t, s, state))
		if _, err := s.Resume(t.Context(), state); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Resume of a %s upload: %v, want ErrNotFound", name, err)
		}
	}
}

func malformedState(t *testing.T, open Opener) {
	s := open(t)
	want := content(1000, 10)
	w := create(t, s)
	write(t, w, want)
	state := save(t, w)
	for name, b := range map[string][]byte{
		"nothing":   nil,
		"half":      state[:len(state)/2],
		"all but 1": state[:len(state)-1],
		"foreign":   []byte(`{"path":"../../etc/passwd"}`),
		"zeros":     make([]byte, len(state)),
	} {
		if _, err := s.Resume(t.Context(), b); err == nil {
			t.Errorf("Resume(%s): no error", name)
		}
	}
	checkContent(t, s, commit(t, resume(t, s, state), digest.FromBytes(want)), want)
}
