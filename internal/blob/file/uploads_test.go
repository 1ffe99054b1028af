package file_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
)

func uploadID(t testing.TB, state []byte) string {
	t.Helper()
	id, err := file.UploadID(state)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCreateWritesNothingBeforeTheFirstByte(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	state := save(t, begin(t, s, ""))
	if err := begin(t, s, "").Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("files %q, want none", got)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnUploadThatWasNeverSavedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := begin(t, s, "hello").Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := begin(t, s, "hello").Commit(t.Context(), digest.FromString("other"))
	if !errors.Is(err, blob.ErrDigestMismatch) {
		t.Fatalf("Commit: %v, want ErrDigestMismatch", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("files %q, want none", got)
	}
}

// What a process leaves that dies in the middle of a request.
func TestBytesOfADeadProcessAreDropped(t *testing.T) {
	dir := t.TempDir()
	state := save(t, begin(t, open(t, dir), "hello"))
	w, err := open(t, dir).Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(" forgotten")); err != nil {
		t.Fatal(err)
	}

	s := open(t, dir)
	w, err = s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(" world")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Commit(t.Context(), digest.FromString("hello world")); err != nil {
		t.Fatal(err)
	}
}

func TestAnUploadHasOneWriter(t *testing.T) {
	s := open(t, t.TempDir())
	state := save(t, begin(t, s, "hello"))
	w, err := s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(t.Context(), state, nil); !errors.Is(err, file.ErrBusy) {
		t.Errorf("second Resume: %v, want ErrBusy", err)
	}
	state = save(t, w)
	w, err = s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatalf("Resume after the first Writer ended: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAFileShorterThanItsStateIsNotResumed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	state := save(t, begin(t, s, "hello"))
	if err := os.Truncate(filepath.Join(dir, "uploads", uploadID(t, state)), 4); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first try must not keep the upload busy
		_, err := s.Resume(t.Context(), state, nil)
		if err == nil || errors.Is(err, file.ErrBusy) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Resume: %v, want an error about the size", err)
		}
	}
}

func TestRemoveUploadsRemovesTheAbandoned(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	now := time.Now()
	age := func(state []byte, at time.Time) string {
		t.Helper()
		id := uploadID(t, state)
		if err := os.Chtimes(filepath.Join(dir, "uploads", id), at, at); err != nil {
			t.Fatal(err)
		}
		return id
	}
	abandoned := age(save(t, begin(t, s, "abandoned")), now.Add(-25*time.Hour))
	fresh := age(save(t, begin(t, s, "fresh")), now.Add(-23*time.Hour))
	state := save(t, begin(t, s, "writing"))
	writing := age(state, now.Add(-25*time.Hour))
	w, err := s.Resume(t.Context(), state, nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "uploads", "README")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(foreign, now.Add(-25*time.Hour), now.Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}

	removed, err := s.RemoveUploads(t.Context(), now.Add(-24*time.Hour))
	if removed != 1 || err != nil {
		t.Errorf("RemoveUploads: %d, %v, want 1", removed, err)
	}
	for name, want := range map[string]bool{abandoned: false, fresh: true, writing: true, "README": true} {
		_, err := os.Stat(filepath.Join(dir, "uploads", name))
		if got := err == nil; got != want {
			t.Errorf("%s is there: %t, want %t", name, got, want)
		}
	}
	if _, _, err := w.Commit(t.Context(), digest.FromString("writing")); err != nil {
		t.Errorf("Commit of the upload that was being written: %v", err)
	}
}

func TestRemoveUploadsStopsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	save(t, begin(t, s, "abandoned"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	removed, err := s.RemoveUploads(ctx, time.Now().Add(time.Hour))
	if removed != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("RemoveUploads: %d, %v, want context.Canceled", removed, err)
	}
}

func TestRemoveUploadsOfMany(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const many = 600 // more than one batch of names
	for range many {
		name := filepath.Join(dir, "uploads", uuid.NewString())
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := s.RemoveUploads(t.Context(), time.Now().Add(time.Hour))
	if removed != many || err != nil {
		t.Errorf("RemoveUploads: %d, %v, want %d", removed, err, many)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}
