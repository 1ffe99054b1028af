// Package logs writes the server's log: the lines of a moment go out together,
// so that a busy server does not pay a system call for each request.
//
// It is what a [log/slog] handler writes to. The wiring in cmd/nifuda opens it
// before anything else and closes it last.
package logs

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// A line waits this long for others. The crash of the process loses no more.
	delay = 10 * time.Millisecond

	// Lines of more bytes than this do not wait; whoever logs then waits for them.
	limit = 1 << 20
)

// A Writer passes lines on to another writer, in their order.
type Writer struct {
	writing sync.Mutex // held around to and spare
	to      io.Writer
	spare   []byte // the buffer that was written last
	err     error  // the first

	mu      sync.Mutex
	pending []byte
	waiting bool // a flush will come
	closed  bool
}

// NewWriter returns a writer to another one. Close it after use.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write takes whole lines. It fails once the writer is closed.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return 0, errors.New("log is closed")
	}
	w.pending = append(w.pending, p...)
	full := len(w.pending) > limit
	if !w.waiting {
		w.waiting = true
		time.AfterFunc(delay, w.flush)
	}
	w.mu.Unlock()
	if full {
		w.flush()
	}
	return len(p), nil
}

// Close writes what is left, and returns the first error that there was.
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.flush()
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.err
}

// flush writes what is pending.
func (w *Writer) flush() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	lines := w.pending
	w.pending, w.waiting = w.spare[:0], false
	w.mu.Unlock()
	w.spare = nil
	if len(lines) == 0 {
		return
	}
	if _, err := w.to.Write(lines); err != nil && w.err == nil {
		w.err = err
	}
	if cap(lines) <= limit { // a burst's buffer is not kept
		w.spare = lines
	}
}
