package file

import (
	"errors"
	"io"
)

// bufferSize is what one read of [io.Copy] gathers before it is written: large
// writes cost the kernel less than many small ones.
const bufferSize = 256 << 10

type buffer [bufferSize]byte

// ReadFrom appends what r has until its end. It fills one buffer while another
// is hashed and written, so that receiving costs no time of its own. [io.Copy]
// prefers it to Write. After an error of r the Writer has all that r gave before.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	var spare *buffer // small objects need only one
	filling := w.store.buffer()
	wait := func() error { return nil }
	for {
		n, readErr := fill(r, filling[:])
		total += int64(n)
		err := wait()
		if err == nil && readErr != nil {
			_, err = w.Write(filling[:n])
		}
		if err != nil || readErr != nil {
			w.store.recycle(filling)
			w.store.recycle(spare)
			return total, firstFailure(err, readErr)
		}
		wait = w.start(filling[:n])
		if spare == nil {
			spare = w.store.buffer()
		}
		filling, spare = spare, filling
	}
}

// start begins a Write and returns the function that waits for its end.
func (w *writer) start(p []byte) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		_, err := w.Write(p)
		done <- err
	}()
	return func() error { return <-done }
}

// fill is io.ReadFull, except that it keeps the end of r apart from an
// io.ErrUnexpectedEOF of r, which net/http returns for a body cut short.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

func firstFailure(writeErr, readErr error) error {
	if writeErr == nil && !errors.Is(readErr, io.EOF) {
		return readErr
	}
	return writeErr
}

func (s *Store) buffer() *buffer { return s.buffers.Get().(*buffer) }

func (s *Store) recycle(b *buffer) {
	if b != nil {
		s.buffers.Put(b)
	}
}
