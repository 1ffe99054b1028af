package blobtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

func drop(t *testing.T, open Opener) {
	s := open(t)
	for _, size := range []int{0, 1000, 200_000} {
		w := create(t, s)
		write(t, w, content(size, 1))
		state := save(t, w)
		if err := s.Saved(t.Context(), state); err != nil {
			t.Errorf("Saved of an upload that is there: %v", err)
		}
		for range 2 {
			if err := s.Drop(t.Context(), state); err != nil {
				t.Fatalf("Drop: %v", err)
			}
		}
		if size == 0 {
			continue // such an upload is nowhere
		}
		if _, err := s.Resume(t.Context(), state); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Resume of a dropped upload: %v, want ErrNotFound", err)
		}
		if err := s.Saved(t.Context(), state); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Saved of a dropped upload: %v, want ErrNotFound", err)
		}
	}
	if err := s.Drop(t.Context(), []byte("foreign")); err == nil {
		t.Error("Drop of a malformed state: no error")
	}
	if err := s.Saved(t.Context(), []byte("foreign")); err == nil {
		t.Error("Saved of a malformed state: no error")
	}
}

// nothingPlain looks for the plaintext in the state of an upload and in what is
// stored.
func nothingPlain(t *testing.T, open Opener) {
	s := open(t)
	if s.key == nil {
		t.Skip("there is no key")
	}
	secret := []byte("a secret of many letters")
	for _, size := range []int{1, 2, 2700, 9000} {
		want := bytes.Repeat(secret, size)
		w := create(t, s)
		write(t, w, want)
		state := save(t, w)
		checkHidden(t, "the state", state, secret)
		location := commit(t, resume(t, s, state), digest.FromBytes(want))
		raw, err := s.Store.Open(t.Context(), location, nil, 0)
		if err != nil {
			t.Fatalf("Open without a key: %v", err)
		}
		stored, err := io.ReadAll(raw)
		if err := errors.Join(err, raw.Close()); err != nil {
			t.Fatal(err)
		}
		checkHidden(t, "what is stored", stored, secret)
		h, err := seal.ReadHeader(bytes.NewReader(stored))
		if err != nil || !bytes.Equal(h.Wrapped, s.key.Wrapped) || h.Layers != len(s.key.Secrets) {
			t.Errorf("the header is %+v, %v", h, err)
		}
	}
}

// checkHidden looks for pieces of 8 bytes.
func checkHidden(t *testing.T, where string, b, secret []byte) {
	t.Helper()
	for at := range len(secret) - 8 {
		if bytes.Contains(b, secret[at:at+8]) {
			t.Errorf("%s has the plaintext in it", where)
			return
		}
	}
}

func otherKey(t *testing.T, open Opener) {
	s := open(t)
	if s.key == nil {
		t.Skip("there is no key")
	}
	want := content(100_000, 1)
	w := create(t, s)
	write(t, w, want)
	state := save(t, w)
	location := put(t, s, want)
	other := &seal.Key{Secrets: seal.NewSecrets(len(s.key.Secrets)), Wrapped: s.key.Wrapped}
	for name, key := range map[string]*seal.Key{"another": other, "no": nil} {
		if _, err := s.Store.Resume(t.Context(), state, key); err == nil {
			t.Errorf("Resume with %s key: no error", name)
		}
	}
	r, err := s.Store.Open(t.Context(), location, other, int64(len(want)))
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("read with another key: %v, want ErrDamaged", err)
	}
	checkContent(t, s, location, want)
	commit(t, resume(t, s, state), digest.FromBytes(want))
}
