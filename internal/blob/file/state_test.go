package file_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
)

func TestEveryDamagedStateIsAnError(t *testing.T) {
	s := open(t, t.TempDir())
	state := save(t, begin(t, s, "hello"))
	for at := range state {
		damaged := slices.Clone(state)
		damaged[at] ^= 1
		if _, err := s.Resume(t.Context(), damaged, nil); err == nil {
			t.Errorf("Resume with byte %d changed: no error", at)
		}
		if _, err := file.UploadID(damaged); err == nil {
			t.Errorf("UploadID with byte %d changed: no error", at)
		}
		if _, err := s.Resume(t.Context(), state[:at], nil); err == nil {
			t.Errorf("Resume of %d bytes: no error", at)
		}
	}
}

// seal gives bytes a valid checksum, so that the fuzzer comes past it.
func seal(b []byte) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(b), crc32.ChecksumIEEE(b))
}

// FuzzResume checks that no state makes the store panic, leave its directory or
// commit bytes that are not there.
func FuzzResume(f *testing.F) {
	dir := f.TempDir()
	s := open(f, dir)
	state := save(f, begin(f, s, "hello"))
	empty := save(f, begin(f, s, ""))
	for _, seed := range [][]byte{nil, {1}, state[:len(state)-4], empty[:len(empty)-4], make([]byte, 133)} {
		f.Add(seed)
	}
	want := digest.FromString("never written")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, state := range [][]byte{b, seal(b)} {
			w, err := s.Resume(t.Context(), state, nil)
			if err != nil {
				continue
			}
			if location, _, err := w.Commit(t.Context(), want); err == nil {
				t.Errorf("committed to %s what nobody wrote", location)
			}
		}
	})
}

// FuzzLocation checks that what no Commit returned is neither opened nor removed.
func FuzzLocation(f *testing.F) {
	dir := f.TempDir()
	s := open(f, dir)
	good := string(put(f, s, "hello"))
	for _, seed := range []string{"", "..", good, "../" + good, good + "/..", good[:3], "uploads/x", `aa\bb.cc`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		if location == good {
			return
		}
		before := len(files(t, dir))
		if r, err := s.Open(t.Context(), blob.Location(location), nil, 0); err == nil {
			r.Close()
			t.Errorf("Open(%q): no error", location)
		}
		_ = s.Remove(t.Context(), blob.Location(location))
		if after := len(files(t, dir)); after != before {
			t.Errorf("Remove(%q) removed a file", location)
		}
	})
}
