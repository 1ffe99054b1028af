package seal

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// An Opener reads the plaintext of a sealed file, as an [os.File] would read a
// plain one: several may ReadAt at once, and one goroutine may Read, Seek and
// WriteTo. What it returns is verified; of a damaged chunk it returns nothing.
// Close it after use.
type Opener struct {
	source io.ReaderAt
	start  int64 // where in source the chunks begin
	key    *Key
	size   int64 // of the plaintext

	offset int64   // of Read
	window *window // of Read, from the first on
	ended  bool
}

// NewOpener returns the plaintext, of that size, of a sealed file.
func NewOpener(file io.ReaderAt, k *Key, size int64) (*Opener, error) {
	header, err := ReadHeader(file)
	if err != nil {
		return nil, err
	}
	if header.Layers != len(k.Secrets) {
		return nil, fmt.Errorf("sealed with %d layers: %w", header.Layers, ErrDamaged)
	}
	if size < 0 || size > math.MaxInt64/2 {
		return nil, fmt.Errorf("%d is no size of a sealed file", size)
	}
	if _, err := newChunks(k); err != nil {
		return nil, err
	}
	return &Opener{source: file, start: header.Size, key: k, size: size}, nil
}

// Size returns the size of the plaintext.
func (o *Opener) Size() int64 { return o.size }

// ReadAt implements [io.ReaderAt]. It reads the chunks that it needs and no more.
func (o *Opener) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("read at a negative offset")
	}
	w, err := newWindow(o.key)
	if err != nil {
		return 0, err
	}
	defer w.release()
	for n := 0; ; {
		if n == len(p) {
			return n, nil
		}
		at := offset + int64(n)
		if at >= o.size {
			return n, io.EOF
		}
		plain, err := w.at(o, at, offset+int64(len(p)))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], plain)
	}
}

// Read implements [io.Reader].
func (o *Opener) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	plain, err := o.next(o.offset + int64(len(p)))
	if err != nil {
		return 0, err
	}
	n := copy(p, plain)
	o.offset += int64(n)
	return n, nil
}

// WriteTo implements [io.WriterTo].
func (o *Opener) WriteTo(w io.Writer) (int64, error) {
	n, err := o.CopyN(w, max(0, o.size-o.offset))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// CopyN is [io.CopyN] from an Opener, without the buffer between. It returns
// io.EOF when there are less than n bytes.
func (o *Opener) CopyN(w io.Writer, n int64) (written int64, err error) {
	end := o.offset + n
	if min(end, o.size)-o.offset > 2*windowChunks*ChunkSize {
		written, err = o.copyAhead(w, min(end, o.size))
	}
	for err == nil && o.offset < end {
		var plain []byte
		if plain, err = o.next(end); err != nil {
			break
		}
		var k int64
		k, err = o.copy(w, plain, end)
		written += k
	}
	return written, err
}

// copy writes plaintext from the offset on, up to end, and moves the offset.
func (o *Opener) copy(w io.Writer, plain []byte, end int64) (int64, error) {
	plain = plain[:min(int64(len(plain)), end-o.offset)]
	k, err := w.Write(plain)
	o.offset += int64(k)
	if err == nil && k < len(plain) {
		err = io.ErrShortWrite
	}
	return int64(k), err
}

// copyAhead copies up to an offset, and opens one window while another is
// written: a single reader need not wait for the cipher.
func (o *Opener) copyAhead(w io.Writer, end int64) (written int64, err error) {
	if _, err := o.next(end); err != nil {
		return 0, err
	}
	spare, err := newWindow(o.key)
	if err != nil {
		return 0, err
	}
	defer func() { spare.release() }()
	for {
		following, loaded := o.window.end(), func() error { return nil }
		if following < end {
			loaded = spare.start(o, following/ChunkSize, end)
		}
		for err == nil && o.offset < min(following, end) {
			var k int64
			plain := o.window.plain[o.offset/ChunkSize-o.window.first][o.offset%ChunkSize:]
			k, err = o.copy(w, plain, end)
			written += k
		}
		// The window is waited for in any case: its memory is given back.
		if failed := loaded(); err == nil {
			err = failed
		}
		if err != nil || o.offset >= end {
			return written, err
		}
		o.window, spare = spare, o.window
	}
}

// next returns the plaintext from the offset on, as far as it is at hand; wanted
// is where the reader will probably stop.
func (o *Opener) next(wanted int64) ([]byte, error) {
	if o.ended {
		return nil, errors.New("read of a closed blob")
	}
	if o.offset >= o.size {
		return nil, io.EOF
	}
	if o.window == nil {
		w, err := newWindow(o.key)
		if err != nil {
			return nil, err
		}
		o.window = w
	}
	if o.offset > 0 && o.offset == o.window.end() {
		wanted = o.size // from here on it reads ahead
	}
	return o.window.at(o, o.offset, wanted)
}

// Seek implements [io.Seeker].
func (o *Opener) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.offset
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek to a negative offset, or from nowhere")
	}
	o.offset = offset
	return offset, nil
}

// Close lets go of the memory. The file is its owner's to close.
func (o *Opener) Close() error {
	o.ended = true
	if o.window != nil {
		o.window.release()
		o.window = nil
	}
	return nil
}

// Verify reads everything and returns what is wrong with it, the end included.
func (o *Opener) Verify() error {
	w, err := newWindow(o.key)
	if err != nil {
		return err
	}
	defer w.release()
	for number := int64(0); ; number++ {
		if _, err := w.at(o, number*ChunkSize, o.size); err != nil {
			return err
		}
		if kindOf(number, o.size) == kindLast {
			return nil
		}
	}
}
