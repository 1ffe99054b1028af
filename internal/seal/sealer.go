package seal

import (
	"errors"
	"io"
	"iter"
)

// A Sealer turns plaintext, as it comes, into chunks. It keeps back what may
// become the last chunk. It is not safe for concurrent use.
type Sealer struct {
	chunks *chunks
	size   int64  // of the plaintext so far
	tail   []byte // its end, which is in no chunk yet
}

// NewSealer begins a file, behind its header.
func NewSealer(k *Key) (*Sealer, error) {
	c, err := newChunks(k)
	if err != nil {
		return nil, err
	}
	return &Sealer{chunks: c}, nil
}

// ResumeSealer goes on where another Sealer was, whose plaintext had that size
// and whose Tail was that.
func ResumeSealer(k *Key, size int64, tail []byte) (*Sealer, error) {
	s, err := NewSealer(k)
	if err != nil {
		return nil, err
	}
	if len(tail) != TailSize(size) {
		return nil, errors.New("resume sealing: the tail does not fit the size")
	}
	s.size, s.tail = size, append(s.tail, tail...)
	return s, nil
}

// TailSize returns how much of so many bytes a Sealer keeps back: up to a whole
// chunk, because it may be the last.
func TailSize(size int64) int {
	if size <= 0 {
		return 0
	}
	return int((size-1)%ChunkSize) + 1
}

// Tail returns the end of the plaintext that Append has not given out. It is
// valid until the next call.
func (s *Sealer) Tail() []byte { return s.tail }

// Sealed returns how many bytes of chunks Append has given out.
func (s *Sealer) Sealed() int64 {
	whole := (s.size - int64(len(s.tail))) / ChunkSize
	return whole * int64(ChunkSize+s.chunks.overhead)
}

// Append adds plaintext, and appends the chunks that are whole to dst: at most
// Size of the plaintext and a chunk more.
func (s *Sealer) Append(dst, plain []byte) []byte {
	if len(plain) == 0 {
		return dst
	}
	number := (s.size - int64(len(s.tail))) / ChunkSize
	s.size += int64(len(plain))
	if len(s.tail) > 0 {
		n := min(ChunkSize-len(s.tail), len(plain))
		s.keep(plain[:n])
		plain = plain[n:]
		if len(plain) == 0 {
			return dst
		}
		dst = s.chunks.seal(dst, s.tail, kindInner, number)
		s.tail = s.tail[:0]
		number++
	}
	for ; len(plain) > ChunkSize; number++ {
		dst = s.chunks.seal(dst, plain[:ChunkSize], kindInner, number)
		plain = plain[ChunkSize:]
	}
	s.keep(plain)
	return dst
}

// keep adds to the tail. Its memory grows to a chunk at once when it has to
// grow, for it will be needed again.
func (s *Sealer) keep(plain []byte) {
	if need := len(s.tail) + len(plain); need > cap(s.tail) && s.size > ChunkSize {
		s.tail = append(make([]byte, 0, ChunkSize), s.tail...)
	}
	s.tail = append(s.tail, plain...)
}

// Finish appends the last chunk to dst. Nothing may follow.
func (s *Sealer) Finish(dst []byte) []byte {
	number := (s.size - int64(len(s.tail))) / ChunkSize
	return s.chunks.seal(dst, s.tail, kindLast, number)
}

// Reopen returns the plaintext so far, in pieces that are valid until the next:
// first what is in the chunks, which are in the file from start on, and then the
// tail. An error ends it.
func (s *Sealer) Reopen(file io.ReaderAt, start int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		each := ChunkSize + s.chunks.overhead
		memory := make([]byte, each)
		for number := range (s.size - int64(len(s.tail))) / ChunkSize {
			plain, err := s.reopen(file, memory, start, number)
			if !yield(plain, err) || err != nil {
				return
			}
		}
		yield(s.tail, nil)
	}
}

func (s *Sealer) reopen(file io.ReaderAt, memory []byte, start, number int64) ([]byte, error) {
	n, err := file.ReadAt(memory, start+number*int64(len(memory)))
	if n == len(memory) {
		return s.chunks.openInPlace(memory, kindInner, number)
	}
	if errors.Is(err, io.EOF) {
		return nil, ErrDamaged
	}
	return nil, err
}
