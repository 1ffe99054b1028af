package store

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// A spare is a file beside the database that has space and no content. On a full
// disk it is given up, so that deletions, which make space, can be written: the
// reserve that pushes leave may be gone to somebody else.
type spare struct {
	path  string
	size  int64
	held  bool
	never bool // the file system cannot reserve space
	tried time.Time
}

const (
	spareSize     = 8 << 20
	spareInterval = time.Second // of attempts to make it again
)

// openSpare takes the file as a process left it, and makes it where there is none
// and space for it.
func openSpare(path string) *spare {
	s := &spare{path: path, size: spareSize}
	if _, err := os.Stat(path); err == nil {
		s.allocate() // what is missing of it
	}
	s.renew()
	return s
}

// renew makes the file again once twice its size is free; sooner it would take
// what the next deletion needs.
func (s *spare) renew() {
	if s.held || s.never || time.Since(s.tried) < spareInterval {
		return
	}
	if free, err := freeSpace(filepath.Dir(s.path)); err == nil && free >= 2*s.size {
		s.allocate()
	}
	s.tried = time.Now()
}

func (s *spare) allocate() {
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	err = reserve(f, s.size)
	s.never = errors.Is(err, errors.ErrUnsupported)
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(s.path) // else it is completed or removed by the next attempt
		return
	}
	s.held = true
}

// giveUp removes the file and reports whether that has made space.
func (s *spare) giveUp() bool {
	if !s.held || os.Remove(s.path) != nil {
		return false
	}
	s.held, s.tried = false, time.Now()
	return true
}
