package httpx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// SmallBody is how much of a body is kept in memory while the rest arrives.
	SmallBody = 64 << 10

	// DefaultBodyMemory is how many bytes of large bodies are worked on at once.
	DefaultBodyMemory = 64 << 20

	// memoryPatience is how long a large body that has arrived waits for memory.
	memoryPatience = 30 * time.Second
)

// ErrCrowded reports a large body that found no memory in time.
var ErrCrowded = errors.New("too many large requests at once")

// Bodies reads bodies that mean nothing before they are whole, such as signed
// ones and manifests. A large body arrives in a file, so that slow clients cost
// no memory, and gets memory only once it is there, a limited amount for all.
// It is safe for concurrent use.
type Bodies struct {
	directory string
	size      int64
	memory    *semaphore.Weighted
	buffers   sync.Pool
	garbage   atomic.Int64 // bytes that were worked on and are perhaps not collected yet
}

// NewBodies returns a reader that keeps its files in a directory, "" being the
// system's for temporary files, and works on so many bytes at once.
func NewBodies(directory string, memory int64) *Bodies {
	return &Bodies{
		directory: directory,
		size:      memory,
		memory:    semaphore.NewWeighted(memory),
		buffers:   sync.Pool{New: func() any { b := make([]byte, copySize); return &b }},
	}
}

// Read reads a body into a buffer. share is how much memory a byte of it takes
// until release is called. Errors of the body are returned as they are; other
// ones, except [ErrCrowded], are the server's fault.
func (b *Bodies) Read(ctx context.Context, buffer *bytes.Buffer, body io.Reader, share int64) (release func(), err error) {
	if _, err := buffer.ReadFrom(io.LimitReader(body, SmallBody)); err != nil {
		return nil, err
	}
	if buffer.Len() < SmallBody {
		return func() {}, nil
	}
	return b.readLarge(ctx, buffer, body, share)
}

func (b *Bodies) readLarge(ctx context.Context, buffer *bytes.Buffer, body io.Reader, share int64) (release func(), err error) {
	file, err := b.create()
	if err != nil {
		return nil, err
	}
	defer file.remove()
	size, err := b.receive(file, body)
	if err != nil {
		return nil, err
	}
	need := min((size+int64(buffer.Len()))*share, b.size)
	ctx, cancel := context.WithTimeout(ctx, memoryPatience)
	defer cancel()
	if b.memory.Acquire(ctx, need) != nil {
		return nil, ErrCrowded
	}
	release = sync.OnceFunc(func() { b.release(need) })
	buffer.Grow(int(size) + bytes.MinRead) // one to see the end, without growing again
	if _, err := buffer.ReadFrom(io.NewSectionReader(file, 0, size)); err != nil {
		release()
		return nil, fmt.Errorf("read the file of a body: %w", err)
	}
	return release, nil
}

// release gives memory to whoever waits for it. What was in it is garbage from
// now on, which Go lets grow to a part of everything that is in use: with bodies
// of tens of megabytes that is hundreds. So it is collected when there is as much
// as may be worked on.
func (b *Bodies) release(memory int64) {
	if b.garbage.Add(memory) >= b.size {
		b.garbage.Store(0)
		runtime.GC()
	}
	b.memory.Release(memory)
}

// receive copies the rest of a body into its file.
func (b *Bodies) receive(file bodyFile, body io.Reader) (size int64, err error) {
	buffer := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buffer)
	for {
		n, readErr := body.Read(*buffer)
		if _, err := file.Write((*buffer)[:n]); err != nil {
			return 0, fmt.Errorf("write the file of a body: %w", err)
		}
		size += int64(n)
		switch {
		case errors.Is(readErr, io.EOF):
			return size, nil
		case readErr != nil:
			return 0, readErr
		}
	}
}

// A bodyFile has no name where the system allows that, so that a crash leaves
// nothing behind.
type bodyFile struct{ *os.File }

func (b *Bodies) create() (bodyFile, error) {
	file, err := os.CreateTemp(b.directory, "body-*")
	if err != nil {
		return bodyFile{}, fmt.Errorf("make the file of a body: %w", err)
	}
	_ = os.Remove(file.Name()) // Windows refuses it, and then remove does it
	return bodyFile{file}, nil
}

func (f bodyFile) remove() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
