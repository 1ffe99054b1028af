package s3

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
)

// slabSize is how much memory is taken at a time.
const slabSize = 256 << 10

// memoryPatience is how long an upload waits until others have sent what they
// hold in memory.
const memoryPatience = 30 * time.Second

// A memory is what all uploads of a process together may hold of what they have
// not sent yet. A buffer reserves what a part must have at least, in turn, and
// never waits with that in its hands: so each can be sent, and none waits for
// ever. It grows beyond while half of the memory is free. Memory that is reserved
// is taken from the system only as it is filled.
type memory struct {
	total int64
	slabs sync.Pool

	mu      sync.Mutex
	used    int64
	waiting list.List // of *reservation
}

type reservation struct {
	size  int64
	ready chan struct{}
}

var errMemory = errors.New("too many uploads at the same time: what they sent is still on its way to the bucket")

// reserve waits for its turn.
func (m *memory) reserve(ctx context.Context, size int64) error {
	m.mu.Lock()
	if m.waiting.Len() == 0 && m.fits(size) {
		m.used += size
		m.mu.Unlock()
		return nil
	}
	mine := &reservation{size, make(chan struct{})}
	place := m.waiting.PushBack(mine)
	m.mu.Unlock()

	patience := time.NewTimer(memoryPatience)
	defer patience.Stop()
	var err error
	select {
	case <-mine.ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = &blob.UnavailableError{Err: errMemory}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-mine.ready: // at the same moment
		m.used -= size
	default:
		m.waiting.Remove(place)
	}
	m.admit()
	return err
}

// fits lets one reservation through that is larger than everything.
func (m *memory) fits(size int64) bool { return m.used == 0 || m.used+size <= m.total }

// grow reserves more without waiting, and reports whether it has.
func (m *memory) grow(size int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.Len() > 0 || m.used+size > m.total/2 {
		return false
	}
	m.used += size
	return true
}

func (m *memory) release(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= size
	m.admit()
}

func (m *memory) admit() {
	for front := m.waiting.Front(); front != nil; front = m.waiting.Front() {
		next := front.Value.(*reservation) //nolint:forcetypeassert // nothing else is in the list
		if !m.fits(next.size) {
			return
		}
		m.used += next.size
		m.waiting.Remove(front)
		close(next.ready)
	}
}

// buffer returns an empty buffer that takes least bytes, and up to most while
// there is memory.
func (m *memory) buffer(ctx context.Context, least, most int64) (*buffer, error) {
	if err := m.reserve(ctx, least); err != nil {
		return nil, fmt.Errorf("wait for memory: %w", err)
	}
	return &buffer{memory: m, reserved: least, most: most}, nil
}

// A buffer is a part that is not sent yet.
type buffer struct {
	memory         *memory
	slabs          [][]byte
	size           int64
	reserved, most int64
}

// space returns memory behind what the buffer has, or nil when it is full.
func (b *buffer) space() []byte {
	if b.size == b.reserved {
		more := min(slabSize, b.most-b.size)
		if more <= 0 || !b.memory.grow(more) {
			return nil
		}
		b.reserved += more
	}
	at := b.size % slabSize
	if at == 0 && b.size == int64(len(b.slabs))*slabSize {
		b.slabs = append(b.slabs, b.memory.slab())
	}
	slab := b.slabs[len(b.slabs)-1]
	return slab[at:min(slabSize, at+b.reserved-b.size)]
}

func (m *memory) slab() []byte {
	if slab, ok := m.slabs.Get().(*[]byte); ok {
		return *slab
	}
	return make([]byte, slabSize)
}

func (b *buffer) release() {
	if b == nil || b.memory == nil {
		return
	}
	for _, slab := range b.slabs {
		b.memory.slabs.Put(&slab)
	}
	b.memory.release(b.reserved)
	*b = buffer{}
}

// ReadAt implements [io.ReaderAt].
func (b *buffer) ReadAt(p []byte, offset int64) (n int, err error) {
	for n < len(p) {
		at := offset + int64(n)
		if at >= b.size {
			return n, io.EOF
		}
		slab := b.slabs[at/slabSize]
		n += copy(p[n:], slab[at%slabSize:min(slabSize, at%slabSize+b.size-at)])
	}
	return n, nil
}

// reader returns the bytes, to be sent as often as it takes.
func (b *buffer) reader() *io.SectionReader { return io.NewSectionReader(b, 0, b.size) }
