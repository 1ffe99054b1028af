package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/seal"
)

// eachKey runs a test without a key, with one secret and with two.
func eachKey(t *testing.T, test func(t *testing.T, key *seal.Key)) {
	for layers, name := range []string{"plain", "sealed", "sealed twice"} {
		var key *seal.Key
		if layers > 0 {
			key = &seal.Key{Secrets: seal.NewSecrets(layers), Wrapped: []byte("wrapped")}
		}
		t.Run(name, func(t *testing.T) { test(t, key) })
	}
}

// A fault is a step of the commit protocol that fails, and how.
type fault struct {
	step string
	err  error
}

func (f fault) String() string { return fmt.Sprintf("%s: %v", f.step, f.err) }

// faults is every step with every way in which it fails. A write may also take
// less than it was given, without an error.
func faults() (all []fault) {
	for _, step := range []string{"open", "write", "sync", "mkdir", "rename", "syncDir"} {
		for _, err := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE} {
			all = append(all, fault{step, err})
		}
	}
	return append(all, fault{"write", errShort})
}

// upload sends bytes to a new upload and commits them.
func upload(t *testing.T, s *Store, key *seal.Key, b []byte) (blob.Location, error) {
	t.Helper()
	w, err := s.Create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	_, writeErr := io.Copy(w, io.LimitReader(bytes.NewReader(b), int64(len(b))))
	location, _, err := w.Commit(t.Context(), digest.FromBytes(b))
	if writeErr != nil && err == nil {
		t.Errorf("Commit to %s after a Write that failed: %v", location, writeErr)
	}
	return location, err
}

func checkBytes(t *testing.T, s *Store, key *seal.Key, location blob.Location, want []byte) {
	t.Helper()
	r, err := s.Open(t.Context(), location, key, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %s: %d bytes, %v, want the %d written", location, len(got), err, len(want))
	}
}

func TestNoFaultIsAcknowledgedAndARetryWorks(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		for _, size := range []int{1000, 3 * bufferSize} {
			want := bytes.Repeat([]byte("x"), size)
			for _, fault := range faults() {
				t.Run(fault.String(), func(t *testing.T) {
					disk := newMemoryDisk()
					s := newStore(disk)
					disk.failOnce(fault.step, fault.err)
					location, err := upload(t, s, key, want)
					if location != "" || err == nil {
						t.Fatalf("Commit: %q, %v, want an error", location, err)
					}
					if len(disk.live) != 0 {
						t.Errorf("left behind: %v", disk.live)
					}
					location, err = upload(t, s, key, want)
					if err != nil {
						t.Fatalf("retry: %v", err)
					}
					checkBytes(t, s, key, location, want)
				})
			}
		}
	})
}

func TestAFaultDuringSaveIsNotAcknowledged(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		for _, fault := range faults() {
			if fault.step == "rename" || fault.step == "mkdir" {
				continue // Save gives nothing its final name
			}
			t.Run(fault.String(), func(t *testing.T) {
				disk := newMemoryDisk()
				s := newStore(disk)
				disk.failOnce(fault.step, fault.err)
				w, err := s.Create(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = w.Write([]byte("some bytes"))
				if state, err := w.Save(t.Context()); state != nil || err == nil {
					t.Fatalf("Save: %x, %v, want an error", state, err)
				}
				if len(disk.live) != 0 {
					t.Errorf("left behind: %v", disk.live)
				}
			})
		}
	})
}

// more is what follows, more than is sealed together.
var more = bytes.Repeat([]byte("more"), 20_001)

// saved starts an upload and returns what it was given and its state.
func saved(t *testing.T, s *Store, key *seal.Key) ([]byte, []byte) {
	t.Helper()
	begin := bytes.Repeat([]byte("begin"), 20_001) // more than is sealed together
	w, err := s.Create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(begin); err != nil {
		t.Fatal(err)
	}
	state, err := w.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return begin, state
}

func TestAFullDiskKeepsWhatWasSaved(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		for _, err := range []error{syscall.ENOSPC, errShort} {
			disk := newMemoryDisk()
			s := newStore(disk)
			want, state := saved(t, s, key)

			w, resumeErr := s.Resume(t.Context(), state, key)
			if resumeErr != nil {
				t.Fatal(resumeErr)
			}
			disk.failOnce("write", err)
			if _, err := w.Write(more); err == nil {
				t.Fatal("Write: no error")
			}
			if n, err := w.Write(more); n != 0 || err == nil {
				t.Fatalf("Write after a failed one: %d, %v", n, err)
			}
			if state, err := w.Save(t.Context()); state != nil || err == nil {
				t.Fatalf("Save after a failed Write: %x, %v", state, err)
			}

			w, resumeErr = s.Resume(t.Context(), state, key)
			if resumeErr != nil {
				t.Fatal(resumeErr)
			}
			location, _, commitErr := w.Commit(t.Context(), digest.FromBytes(want))
			if commitErr != nil {
				t.Fatal(commitErr)
			}
			checkBytes(t, s, key, location, want)
		}
	})
}

// A SHA-512 costs reading the bytes again.
func TestBytesThatCannotBeReadBackAreNotAcknowledgedAndAreKept(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		disk := newMemoryDisk()
		s := newStore(disk)
		want, state := saved(t, s, key)
		disk.failOnce("read", syscall.EIO)
		for _, wantErr := range []error{syscall.EIO, nil} {
			w, err := s.Resume(t.Context(), state, key)
			if err != nil {
				t.Fatal(err)
			}
			location, _, err := w.Commit(t.Context(), digest.SHA512.FromBytes(want))
			if !errors.Is(err, wantErr) || (location == "") != (wantErr != nil) {
				t.Fatalf("Commit: %q, %v, want %v", location, err, wantErr)
			}
		}
	})
}

func TestAFailedRenameKeepsWhatWasSaved(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		disk := newMemoryDisk()
		s := newStore(disk)
		want, state := saved(t, s, key)
		disk.failOnce("rename", syscall.EIO)
		for _, wantErr := range []bool{true, false} {
			w, err := s.Resume(t.Context(), state, key)
			if err != nil {
				t.Fatal(err)
			}
			location, _, err := w.Commit(t.Context(), digest.FromBytes(want))
			if (err != nil) != wantErr || (location == "") != wantErr {
				t.Fatalf("Commit: %q, %v, want an error: %t", location, err, wantErr)
			}
		}
	})
}

func TestAnUnsyncedNameIsTakenBack(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		disk := newMemoryDisk()
		s := newStore(disk)
		want, state := saved(t, s, key)
		w, err := s.Resume(t.Context(), state, key)
		if err != nil {
			t.Fatal(err)
		}
		disk.failOnce("syncDir", syscall.EIO)
		if location, _, err := w.Commit(t.Context(), digest.FromBytes(want)); location != "" || err == nil {
			t.Fatalf("Commit: %q, %v, want an error", location, err)
		}
		if len(disk.live) != 0 {
			t.Errorf("left behind: %v", disk.live)
		}
		if _, err := s.Resume(t.Context(), state, key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Resume: %v, want ErrNotFound", err)
		}
	})
}

// The kernel marks pages clean that it failed to write, so that the next fsync
// succeeds without them.
func TestBytesOfAFailedSyncAreNeverTrustedAgain(t *testing.T) {
	eachKey(t, func(t *testing.T, key *seal.Key) {
		for _, removeFails := range []bool{false, true} {
			for _, end := range []string{"Save", "Commit"} {
				disk := newMemoryDisk()
				s := newStore(disk)
				begin, state := saved(t, s, key)
				w, err := s.Resume(t.Context(), state, key)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(more); err != nil {
					t.Fatal(err)
				}
				failed := false
				disk.fault = func(step, _ string) error {
					if step == "sync" && !failed {
						failed = true
						return syscall.EIO
					}
					if step == "remove" && removeFails {
						return syscall.EROFS
					}
					return nil
				}
				sum := digest.FromBytes(append(begin, more...))
				if end == "Save" {
					_, err = w.Save(t.Context())
				} else {
					_, _, err = w.Commit(t.Context(), sum)
				}
				if !errors.Is(err, syscall.EIO) {
					t.Fatalf("%s: %v, want EIO", end, err)
				}
				if state, err := w.Save(t.Context()); state != nil || err == nil {
					t.Errorf("Save after EIO: %x, %v", state, err)
				}
				if location, _, err := w.Commit(t.Context(), sum); location != "" || err == nil {
					t.Errorf("Commit after EIO: %s, %v", location, err)
				}
				if _, err := s.Resume(t.Context(), state, key); err == nil {
					t.Errorf("Resume after EIO in %s, removal failing %t: no error", end, removeFails)
				}
			}
		}
	})
}

func TestPingTellsOfAFaultAndOfItsEnd(t *testing.T) {
	for _, step := range []string{"open", "write", "sync", "remove"} {
		disk := newMemoryDisk()
		s := newStore(disk)
		now := time.Now()
		s.now = func() time.Time { return now }
		disk.failOnce(step, syscall.ENOSPC)
		for range 2 {
			if err := s.Ping(t.Context()); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Ping while %s fails: %v, want ENOSPC", step, err)
			}
		}
		now = now.Add(pingInterval)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("Ping a second after %s failed: %v", step, err)
		}
	}
}

func TestPingAsksTheDiskOnceASecond(t *testing.T) {
	disk := newMemoryDisk()
	s := newStore(disk)
	now := time.Now()
	s.now = func() time.Time { return now }
	syncs := 0
	disk.fault = func(step, name string) error {
		if step == "sync" && strings.HasPrefix(name, uploads) {
			syncs++
		}
		return nil
	}
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if syncs != 10 {
		t.Errorf("%d syncs in 10 seconds of pings, want 10", syncs)
	}
	if len(disk.live) != 0 {
		t.Errorf("left behind: %v", disk.live)
	}
}

// A disk that does not answer must not hold a readiness check beyond its own
// deadline.
func TestPingOfAHangingDiskEndsWithItsContext(t *testing.T) {
	disk := newMemoryDisk()
	hang := make(chan struct{})
	asked := make(chan struct{})
	disk.fault = func(step, _ string) error {
		if step == "sync" {
			close(asked)
			<-hang
		}
		return nil
	}
	s := newStore(disk)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	err := s.Ping(ctx)
	close(hang)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Ping: %v, want context.Canceled", err)
	}
}
