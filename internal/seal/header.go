package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	magic       = "nifuda"
	fixedHeader = len(magic) + 1 + 1 + 2
)

// ErrNoHeader reports bytes that do not begin with the header of a sealed file.
var ErrNoHeader = errors.New("not a sealed file")

// A Header is what a sealed file says about itself.
type Header struct {
	Layers  int
	Wrapped []byte // the data key, see [Key]
	Size    int64  // of the header in bytes: where the chunks begin
}

// Header returns the bytes that a file sealed with the key begins with.
func (k *Key) Header() ([]byte, error) {
	if len(k.Secrets) == 0 || len(k.Secrets) > MaxLayers {
		return nil, errSecrets
	}
	if len(k.Wrapped) > math.MaxUint16 {
		return nil, errors.New("the wrapped key is too long for a header")
	}
	b := append(make([]byte, 0, fixedHeader+len(k.Wrapped)), magic...)
	b = append(b, version, byte(len(k.Secrets)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.Wrapped)))
	return append(b, k.Wrapped...), nil
}

// ReadHeader reads the header of a sealed file, or returns [ErrNoHeader].
func ReadHeader(r io.ReaderAt) (Header, error) {
	var fixed [fixedHeader]byte
	if err := readAt(r, fixed[:], 0); err != nil {
		return Header{}, err
	}
	rest := fixed[len(magic):]
	if string(fixed[:len(magic)]) != magic || rest[0] != version || rest[1] == 0 || rest[1] > MaxLayers {
		return Header{}, ErrNoHeader
	}
	h := Header{Layers: int(rest[1]), Wrapped: make([]byte, binary.BigEndian.Uint16(rest[2:]))}
	h.Size = int64(fixedHeader + len(h.Wrapped))
	return h, readAt(r, h.Wrapped, int64(fixedHeader))
}

func readAt(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return ErrNoHeader
	}
	return fmt.Errorf("read header: %w", err)
}
