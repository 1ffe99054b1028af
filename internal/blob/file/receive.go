package file

import (
	"errors"
	"io"
	"sync"
)

// bufferSize is what one read of [io.Copy] gathers before it is written: large
// writes cost the kernel less than many small ones, and this many bytes stay in
// the processor's cache while they are read, hashed and written. There are at
// most maxBuffers of that size, or as many as slow clients would each hold one
// or two. Whoever finds them taken gets a small one.
const (
	bufferSize  = 256 << 10
	maxBuffers  = 64
	smallBuffer = 64 << 10
)

// buffers hands out memory to receive into.
type buffers struct {
	mu    sync.Mutex
	taken int // of the large ones
	large sync.Pool
	small sync.Pool
}

func (b *buffers) get() []byte {
	if !b.take() {
		return pooled(&b.small, smallBuffer)
	}
	return pooled(&b.large, bufferSize)
}

func (b *buffers) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken == maxBuffers {
		return false
	}
	b.taken++
	return true
}

func (b *buffers) put(buffer []byte) {
	switch len(buffer) {
	case smallBuffer:
		b.small.Put(&buffer)
	case bufferSize:
		b.large.Put(&buffer)
		b.mu.Lock()
		b.taken--
		b.mu.Unlock()
	}
}

func pooled(pool *sync.Pool, size int) []byte {
	if buffer, ok := pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, size)
}

// ReadFrom appends what r has until its end. It fills one buffer while another
// is hashed and written, so that receiving costs no time of its own. [io.Copy]
// prefers it to Write. After an error of r the Writer has all that r gave before.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	var spare []byte // small objects need only one
	filling := w.store.buffers.get()
	wait := func() error { return nil }
	for {
		n, readErr := fill(r, filling)
		total += int64(n)
		err := wait()
		if err == nil && readErr != nil {
			_, err = w.Write(filling[:n])
		}
		if err != nil || readErr != nil {
			w.store.buffers.put(filling)
			w.store.buffers.put(spare)
			return total, firstFailure(err, readErr)
		}
		wait = w.start(filling[:n])
		if spare == nil {
			spare = w.store.buffers.get()
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
