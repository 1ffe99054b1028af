package audit

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// FileSize is how many bytes a file of records has before the next begins.
	FileSize = 100 << 20

	// FileCount is how many files are kept, the one that is written included.
	FileCount = 10
)

// A File is records on disk: path is written, path.1 is the file before it and
// so on. A write that fails leaves no part of a line behind. It is safe for
// concurrent use.
type File struct {
	path  string
	most  int64
	count int

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenFile opens the file at path, which others cannot read, and the directory
// that it is in, for records to be added. A new file begins once it has size
// bytes; count are kept.
func OpenFile(path string, size int64, count int) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f := &File{path: path, most: size, count: count}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write adds whole lines.
func (f *File) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil { // a rotation has failed
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	if f.size > 0 && f.size+int64(len(lines)) > f.most {
		if err := f.rotate(); err != nil {
			return 0, fmt.Errorf("rotate: %w", err)
		}
	}
	n, err := f.file.Write(lines)
	if err != nil {
		_ = f.file.Truncate(f.size) // half a line would spoil the next
		return 0, err
	}
	f.size += int64(n)
	return n, nil
}

// rotate gives each file the next number, the last one's place being taken, and
// begins a new one.
func (f *File) rotate() error {
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return err
	}
	for i := f.count - 1; i > 0; i-- {
		if err := os.Rename(f.numbered(i-1), f.numbered(i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if f.count <= 1 {
		if err := os.Remove(f.path); err != nil {
			return err
		}
	}
	return f.open()
}

func (f *File) numbered(i int) string {
	if i == 0 {
		return f.path
	}
	return f.path + "." + strconv.Itoa(i)
}

// Close ends the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// A sink loses records rather than requests: what cannot be written is counted,
// and the first loss of a row is logged.
type sink struct {
	to      io.Writer
	log     *slog.Logger
	lost    prometheus.Counter
	failing bool
}

// Write never fails. It is called by one at a time.
func (s *sink) Write(lines []byte) (int, error) {
	_, err := s.to.Write(lines)
	if err != nil {
		s.lost.Add(float64(bytes.Count(lines, []byte("\n"))))
	}
	if err != nil && !s.failing && s.log != nil {
		s.log.Error("audit records cannot be written and are lost", "error", err)
	}
	if err == nil && s.failing && s.log != nil {
		s.log.Info("audit records are written again")
	}
	s.failing = err != nil
	return len(lines), nil
}
