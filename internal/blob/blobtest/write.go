package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
)

func roundTrip(t *testing.T, open Opener) {
	for _, size := range []int{0, 1, 64 << 10, 5 << 20} {
		want := content(size, 1)
		for how, send := range map[string]func(io.Writer) error{
			"in one Write":    func(w io.Writer) error { _, err := w.Write(want); return err },
			"in pieces":       func(w io.Writer) error { return writePieces(w, want) },
			"through io.Copy": func(w io.Writer) error { _, err := io.Copy(w, onlyReader{bytes.NewReader(want)}); return err },
			"in half reads":   func(w io.Writer) error { _, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(want))); return err },
		} {
			t.Run(fmt.Sprintf("%d bytes %s", size, how), func(t *testing.T) {
				w := create(t, open(t))
				checkSize(t, w, 0)
				if err := send(w); err != nil {
					t.Fatal(err)
				}
				checkSize(t, w, size)
				location := commit(t, w, digest.FromBytes(want))
				checkContent(t, open(t), location, want)
			})
		}
	}
}

// onlyReader hides io.WriterTo, so that io.Copy asks the Writer for io.ReaderFrom.
type onlyReader struct{ io.Reader }

func writePieces(w io.Writer, b []byte) error {
	for size := 1; len(b) > 0; size = size*3 + 1 {
		n := min(size, len(b), 700_000)
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func reusedBuffer(t *testing.T, open Opener) {
	s := open(t)
	want := content(3<<20, 2)
	w := create(t, s)
	buffer := make([]byte, 1<<20)
	for rest := want; len(rest) > 0; rest = rest[len(buffer):] {
		copy(buffer, rest)
		write(t, w, buffer)
		clear(buffer)
	}
	checkContent(t, s, commit(t, w, digest.FromBytes(want)), want)
}

func failingSource(t *testing.T, open Opener) {
	s := open(t)
	for _, size := range []int{0, 10, 3<<20 + 5} {
		want := content(size, 3)
		// What net/http returns for a body that ends before its Content-Length.
		source := io.MultiReader(bytes.NewReader(want), iotest.ErrReader(io.ErrUnexpectedEOF))
		w := create(t, s)
		n, err := io.Copy(w, source)
		if n != int64(size) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("io.Copy: %d, %v, want %d and the error of the source", n, err, size)
		}
		checkSize(t, w, size)
		w = resume(t, s, save(t, w))
		write(t, w, []byte("the rest"))
		all := append(want, "the rest"...)
		checkContent(t, s, commit(t, w, digest.FromBytes(all)), all)
	}
}

func mismatch(t *testing.T, open Opener) {
	s := open(t)
	other := digest.FromString("other bytes")
	for name, candidates := range map[string][]digest.Digest{
		"none":              nil,
		"another SHA-256":   {other},
		"another SHA-512":   {digest.SHA512.FromString("other bytes")},
		"both":              {other, digest.SHA512.FromString("other bytes")},
		"unknown algorithm": {"md5:900150983cd24fb0d6963f7d28e17f72"},
		"malformed":         {"", ":", "sha256:", "sha512:../../x", "sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 1000} {
				w := create(t, s)
				write(t, w, content(size, 4))
				location, d, err := w.Commit(t.Context(), candidates...)
				if location != "" || d != "" || !errors.Is(err, blob.ErrDigestMismatch) {
					t.Errorf("Commit of %d bytes: %q, %q, %v, want ErrDigestMismatch", size, location, d, err)
				}
			}
		})
	}
}

func sha512(t *testing.T, open Opener) {
	s := open(t)
	for _, size := range []int{0, 1, 3<<20 + 1} {
		want := content(size, 5)
		long, short := digest.SHA512.FromBytes(want), digest.FromBytes(want)
		wrong := digest.FromString("other bytes")

		w := create(t, s)
		write(t, w, want)
		checkContent(t, s, commit(t, w, long), want)

		for _, candidates := range [][]digest.Digest{{long, wrong}, {wrong, long}, {long, short}} {
			w := create(t, s)
			write(t, w, want)
			location, got, err := w.Commit(t.Context(), candidates...)
			if err != nil || (got != long && got != short) {
				t.Fatalf("Commit(%s): %s, %v", candidates, got, err)
			}
			checkContent(t, s, location, want)
		}

		half := create(t, s)
		write(t, half, want[:size/2])
		w = resume(t, s, save(t, half))
		write(t, w, want[size/2:])
		checkContent(t, s, commit(t, w, long), want)
	}
}

func concurrent(t *testing.T, open Opener) {
	s := open(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			want := content(1<<20+i, byte(i%4)) // some share a beginning
			location, err := putInHalves(t.Context(), s, want)
			if err != nil {
				t.Error(err)
				return
			}
			r, err := s.Open(t.Context(), location, len(want))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %s: other bytes, %v", location, err)
			}
		})
	}
	all.Wait()
}

func putInHalves(ctx context.Context, s store, b []byte) (blob.Location, error) {
	w, err := s.Create(ctx)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(b[:len(b)/2]); err != nil {
		return "", err
	}
	state, err := w.Save(ctx)
	if err != nil {
		return "", err
	}
	w, err = s.Resume(ctx, state)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(w, onlyReader{bytes.NewReader(b[len(b)/2:])}); err != nil {
		return "", err
	}
	location, _, err := w.Commit(ctx, digest.FromBytes(b))
	return location, err
}

func ended(t *testing.T, open Opener) {
	s := open(t)
	want := content(1000, 6)
	d := digest.FromBytes(want)

	committed := create(t, s)
	write(t, committed, want)
	location := commit(t, committed, d)
	saved := create(t, s)
	write(t, saved, want)
	state := save(t, saved)
	aborted := create(t, s)
	write(t, aborted, want)
	if err := aborted.Abort(t.Context()); err != nil {
		t.Fatalf("Abort: %v", err)
	}
	for name, w := range map[string]blob.Writer{"committed": committed, "saved": saved, "aborted": aborted} {
		if n, err := w.Write(want); n != 0 || err == nil {
			t.Errorf("Write to a %s Writer: %d, %v", name, n, err)
		}
		if state, err := w.Save(t.Context()); state != nil || err == nil {
			t.Errorf("Save of a %s Writer: %x, %v", name, state, err)
		}
		if location, _, err := w.Commit(t.Context(), d); location != "" || err == nil {
			t.Errorf("Commit of a %s Writer: %q, %v", name, location, err)
		}
		// So that callers can defer it.
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("Abort of a %s Writer: %v", name, err)
		}
	}
	checkContent(t, s, location, want)
	checkContent(t, s, commit(t, resume(t, s, state), d), want)
}
