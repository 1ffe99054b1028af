package seal

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// A window of a file is read at once: large reads cost less than many small
// ones, and this much stays in the processor's cache until it is sent. There are
// at most maxWindows of that size, or as many as slow clients would each hold
// one. Whoever finds them taken gets one of a single chunk.
const (
	windowChunks = 4
	maxWindows   = 64
)

// A window is some consecutive chunks of a file, in plaintext.
type window struct {
	chunks *chunks
	memory []byte
	first  int64    // number of the first chunk
	plain  [][]byte // of each chunk, within memory
	slots  [windowChunks][]byte
}

func newWindow(k *Key) (*window, error) {
	c, err := newChunks(k)
	if err != nil {
		return nil, err
	}
	w := &window{chunks: c, memory: memories.get()}
	w.plain = w.slots[:0]
	return w, nil
}

func (w *window) release() {
	memories.put(w.memory)
	w.memory, w.plain = nil, nil
}

// end is the offset behind what the window has, or 0.
func (w *window) end() int64 {
	if len(w.plain) == 0 {
		return 0
	}
	last := len(w.plain) - 1
	return (w.first+int64(last))*ChunkSize + int64(len(w.plain[last]))
}

// at returns the plaintext from an offset to the end of its chunk. It reads the
// chunk unless the window has it, and those behind it up to wanted.
func (w *window) at(o *Opener, offset, wanted int64) ([]byte, error) {
	number := offset / ChunkSize
	if number < w.first || number >= w.first+int64(len(w.plain)) {
		if err := w.load(o, number, wanted); err != nil {
			return nil, err
		}
	}
	return w.plain[number-w.first][offset%ChunkSize:], nil
}

func (w *window) load(o *Opener, number, wanted int64) error {
	w.first, w.plain = number, w.slots[:0]
	each := int64(ChunkSize + w.chunks.overhead)
	room := int64(len(w.memory)) / each
	count := min(max(1, (min(wanted, o.size)+ChunkSize-1)/ChunkSize-number), room)
	from, end := number*each, Size(o.size, len(w.chunks.layers))
	to := min(from+count*each, end)
	sealed := w.memory[:to-from]
	if to == end {
		sealed = w.memory[:to-from+1] // nothing may follow the last chunk
	}
	n, err := o.source.ReadAt(sealed, o.start+from)
	if int64(n) < to-from {
		if err == nil || errors.Is(err, io.EOF) {
			return fmt.Errorf("sealed bytes end early: %w", ErrDamaged)
		}
		return err
	}
	if int64(n) > to-from {
		if to == end {
			return fmt.Errorf("sealed bytes go on after the last chunk: %w", ErrDamaged)
		}
	}
	sealed = sealed[:to-from]
	for ; len(sealed) > 0; number++ {
		length := min(each, int64(len(sealed)))
		plain, err := w.chunks.openInPlace(sealed[:length], kindOf(number, o.size), number)
		if err != nil {
			w.plain = w.slots[:0]
			return fmt.Errorf("chunk %d: %w", number, err)
		}
		w.plain = append(w.plain, plain)
		sealed = sealed[length:]
	}
	return nil
}

// start begins to load and returns the function that waits for the end.
func (w *window) start(o *Opener, number, wanted int64) (loaded func() error) {
	done := make(chan error, 1)
	go func() { done <- w.load(o, number, wanted) }()
	return func() error { return <-done }
}

// memories hands out the memory of windows.
var memories windowMemories

// The memory of a window has a byte more than its chunks, to see where a file ends.
const (
	sealedChunk  = ChunkSize + MaxLayers*overhead
	largeWindow  = windowChunks*sealedChunk + 1
	singleWindow = sealedChunk + 1
)

type windowMemories struct {
	mu     sync.Mutex
	taken  int // of the large ones
	large  sync.Pool
	single sync.Pool
}

func (m *windowMemories) get() []byte {
	if !m.take() {
		return pooled(&m.single, singleWindow)
	}
	return pooled(&m.large, largeWindow)
}

func (m *windowMemories) take() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken == maxWindows {
		return false
	}
	m.taken++
	return true
}

func (m *windowMemories) put(memory []byte) {
	switch len(memory) {
	case singleWindow:
		m.single.Put(&memory)
	case largeWindow:
		m.large.Put(&memory)
		m.mu.Lock()
		m.taken--
		m.mu.Unlock()
	}
}

func pooled(pool *sync.Pool, size int) []byte {
	if memory, ok := pool.Get().(*[]byte); ok {
		return *memory
	}
	return make([]byte, size)
}
