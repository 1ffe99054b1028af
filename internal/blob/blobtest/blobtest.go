// Package blobtest is the contract of [blob.Store] as tests. Every
// implementation runs them.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// Opener opens a store for one test. Called again with the same test, it opens
// the same bytes again, as a restarted process would.
type Opener func(t *testing.T) store

// A store keeps everything with one key.
type store struct {
	blob.Store
	key *seal.Key // nil keeps it as it is
}

// Create is that of [blob.Store].
func (s store) Create(ctx context.Context) (blob.Writer, error) { return s.Store.Create(ctx, s.key) }

// Resume is that of [blob.Store].
func (s store) Resume(ctx context.Context, state []byte) (blob.Writer, error) {
	return s.Store.Resume(ctx, state, s.key)
}

// Open is that of [blob.Store].
func (s store) Open(ctx context.Context, location blob.Location, size int) (io.ReadSeekCloser, error) {
	return s.Store.Open(ctx, location, s.key, int64(size))
}

// Run checks the stores that open gives against the contract, without a key, with
// one secret and with two.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for layers, name := range []string{"plain", "sealed", "sealed twice"} {
		var key *seal.Key
		if layers > 0 {
			key = &seal.Key{Secrets: seal.NewSecrets(layers), Wrapped: []byte("wrapped by " + name)}
		}
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T) store { return store{open(t), key} })
		})
	}
}

func run(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Opener)
	}{
		{"what was committed is read back", roundTrip},
		{"a caller may reuse its buffer after Write", reusedBuffer},
		{"a failing source leaves what it gave before", failingSource},
		{"an upload resumes in another process", resumeElsewhere},
		{"an upload resumes without new bytes", resumeUnchanged},
		{"an upload without bytes resumes", resumeEmpty},
		{"bytes after the Save are dropped", bytesAfterSave},
		{"an older Save can be resumed after a newer one", olderSave},
		{"an upload that ended cannot be resumed", resumeEnded},
		{"a malformed state is an error", malformedState},
		{"wrong bytes are not committed", mismatch},
		{"a digest mismatch keeps what was saved", mismatchAfterSave},
		{"a SHA-512 digest is verified", sha512},
		{"one digest uploaded twice lives twice", twice},
		{"Remove is idempotent", removeTwice},
		{"a missing location is not found", missing},
		{"a blob is read from any offset", seek},
		{"Walk visits what was committed and no upload", walkAll},
		{"Walk shows what may be removed", walkAndRemove},
		{"Walk ends with the visitor's error", walkUntilError},
		{"many write at once", concurrent},
		{"Drop removes an upload, and is idempotent", drop},
		{"a sealed object has nothing of the plaintext", nothingPlain},
		{"a sealed object opens with its own key alone", otherKey},
		{"a canceled context stops every step", canceled},
		{"a Writer that ended takes nothing more", ended},
		{"a working store answers Ping", ping},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// content is the same random bytes for the same size and seed.
func content(size int, seed byte) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func create(t *testing.T, s store) blob.Writer {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return w
}

func resume(t *testing.T, s store, state []byte) blob.Writer {
	t.Helper()
	w, err := s.Resume(t.Context(), state)
	if err != nil {
		t.Fatalf("Resume: %v", err)
	}
	return w
}

func write(t *testing.T, w blob.Writer, b []byte) {
	t.Helper()
	if n, err := w.Write(b); n != len(b) || err != nil {
		t.Fatalf("Write of %d bytes: %d, %v", len(b), n, err)
	}
}

func save(t *testing.T, w blob.Writer) []byte {
	t.Helper()
	state, err := w.Save(t.Context())
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	return state
}

func commit(t *testing.T, w blob.Writer, want digest.Digest) blob.Location {
	t.Helper()
	location, got, err := w.Commit(t.Context(), want)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if got != want || location == "" {
		t.Fatalf("Commit: location %q of %s, want one of %s", location, got, want)
	}
	return location
}

func put(t *testing.T, s store, b []byte) blob.Location {
	t.Helper()
	w := create(t, s)
	write(t, w, b)
	return commit(t, w, digest.FromBytes(b))
}

func checkSize(t *testing.T, w blob.Writer, want int) {
	t.Helper()
	if got := w.Size(); got != int64(want) {
		t.Fatalf("Size: %d, want %d", got, want)
	}
}

func checkContent(t *testing.T, s store, location blob.Location, want []byte) {
	t.Helper()
	r, err := s.Open(t.Context(), location, len(want))
	if err != nil {
		t.Fatalf("Open %s: %v", location, err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", location, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %s: %d bytes that differ from the %d written", location, len(got), len(want))
	}
}

func checkNotFound(t *testing.T, s store, location blob.Location) {
	t.Helper()
	r, err := s.Open(t.Context(), location, 1000)
	if err == nil {
		r.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("Open %s: error %v, want ErrNotFound", location, err)
	}
}

func ping(t *testing.T, open Opener) {
	s := open(t)
	for range 3 {
		if err := s.Ping(t.Context()); err != nil {
			t.Fatalf("Ping: %v", err)
		}
	}
}

func canceled(t *testing.T, open Opener) {
	s := open(t)
	bytes := content(1000, 1)
	location := put(t, s, bytes)
	begun, unsaved := create(t, s), create(t, s)
	write(t, begun, bytes)
	write(t, unsaved, bytes)
	saved := create(t, s)
	write(t, saved, bytes)
	state := save(t, saved)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(step string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", step, err)
		}
	}
	_, err := s.Create(ctx)
	check("Create", err)
	_, err = s.Resume(ctx, state)
	check("Resume", err)
	_, err = s.Open(ctx, location, len(bytes))
	check("Open", err)
	check("Remove", s.Remove(ctx, location))
	check("Walk", s.Walk(ctx, func(blob.Object) error { return nil }))
	check("Ping", s.Ping(ctx))
	if got, err := unsaved.Save(ctx); got != nil {
		t.Errorf("Save: state %x", got)
	} else {
		check("Save", err)
	}
	if got, _, err := begun.Commit(ctx, digest.FromBytes(bytes)); got != "" {
		t.Errorf("Commit: location %s", got)
	} else {
		check("Commit", err)
	}
	checkContent(t, s, location, bytes)
	commit(t, resume(t, s, state), digest.FromBytes(bytes))
}
