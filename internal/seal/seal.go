// Package seal is the form in which bytes are encrypted at rest.
//
// A sealed file is a header and chunks. The header names the form and holds the
// data key, wrapped by whoever keeps keys: this package never learns how. Each
// chunk of 64 KiB, the last one shorter, is encrypted for itself with AES-256 in
// Galois/Counter Mode under a random nonce, and bound to its number and to
// whether it is the last: a range costs the chunks that it touches, and no chunk
// can be changed, moved, left out or cut off without being found. A writer can
// stop between any two bytes and go on later; what it writes again gets new
// nonces.
//
// The header is
//
//	"nifuda" · version (1 byte) · layers (1) · length of the wrapped key (2, big endian) · wrapped key
//
// and a chunk, which with several layers is the plaintext of the next,
//
//	nonce (12 bytes) · ciphertext · tag (16)
//
// with the additional data
//
//	version (1 byte) · layer (1, from 0) · kind (1) · number (8, big endian, from 0)
//
// where the kind is 0 for a chunk that others follow, 1 for the last one, and 2
// for bytes beside a file, such as the state of an upload. Nothing at all is one
// last chunk without bytes.
//
// It is pure: where bytes and keys are is for others.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

const (
	// ChunkSize is how many bytes are sealed together.
	ChunkSize = 64 << 10
	// SecretSize is the length of a data key in bytes.
	SecretSize = 32

	// MaxLayers is how many secrets a key has at most.
	MaxLayers = 2

	version = 1

	nonceSize = 12
	overhead  = nonceSize + 16 // of a chunk and layer
)

// The kinds of chunks.
const (
	kindInner  = 0
	kindLast   = 1
	kindBeside = 2
)

var (
	// ErrDamaged reports bytes that were not sealed under the key, or not at this
	// place of this file.
	ErrDamaged = errors.New("sealed bytes are damaged, or belong to another key")
	errSecrets = fmt.Errorf("want one or two secrets of %d bytes", SecretSize)
)

// A Key seals and opens the bytes of one blob.
type Key struct {
	// Secrets are the data keys, of 32 bytes each. Bytes are sealed with one
	// after the other; one is the rule, two are a double layer.
	Secrets [][]byte
	// Wrapped is what the keeper of keys makes of the secrets. It stands in the
	// header of sealed files, so that they can be read without a database.
	Wrapped []byte
}

// NewSecrets returns random secrets for so many layers.
func NewSecrets(layers int) [][]byte {
	secrets := make([][]byte, layers)
	for i := range secrets {
		secrets[i] = make([]byte, SecretSize)
		rand.Read(secrets[i]) // never fails
	}
	return secrets
}

// Seal returns content as chunks, for bytes that are held in memory.
func (k *Key) Seal(content []byte) ([]byte, error) {
	s, err := NewSealer(k)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, Size(int64(len(content)), len(k.Secrets)))
	return s.Finish(s.Append(sealed, content)), nil
}

// Open returns what Seal made sealed of, whose memory it uses.
func (k *Key) Open(sealed []byte) ([]byte, error) {
	c, err := newChunks(k)
	if err != nil {
		return nil, err
	}
	size, ok := PlainSize(int64(len(sealed)), len(k.Secrets))
	if !ok {
		return nil, ErrDamaged
	}
	content := sealed[:0]
	for number := int64(0); ; number++ {
		length, kind := min(ChunkSize+c.overhead, len(sealed)), kindOf(number, size)
		plain, err := c.openInPlace(sealed[:length], kind, number)
		if err != nil {
			return nil, err
		}
		if number == 0 {
			content = plain // the rule for what is in memory, and nothing is copied
		} else {
			content = append(content, plain...)
		}
		if kind == kindLast {
			return content, nil
		}
		sealed = sealed[length:]
	}
}

// SealBeside returns bytes of any length sealed as a whole, such that they are no
// part of a file: the state of an upload.
func (k *Key) SealBeside(content []byte) ([]byte, error) {
	c, err := newChunks(k)
	if err != nil {
		return nil, err
	}
	return c.seal(make([]byte, 0, len(content)+c.overhead), content, kindBeside, 0), nil
}

// OpenBeside returns what SealBeside made sealed of, whose memory it uses.
func (k *Key) OpenBeside(sealed []byte) ([]byte, error) {
	c, err := newChunks(k)
	if err != nil {
		return nil, err
	}
	return c.openInPlace(sealed, kindBeside, 0)
}

// Size returns how many bytes the chunks of so many bytes of plaintext have.
func Size(plain int64, layers int) int64 {
	chunks := max(1, (plain+ChunkSize-1)/ChunkSize)
	return plain + chunks*int64(layers)*overhead
}

// PlainSize returns the plaintext's size of chunks of so many bytes, and whether
// chunks can have that many.
func PlainSize(sealed int64, layers int) (plain int64, ok bool) {
	each := int64(layers) * overhead
	chunks := max(1, (sealed+ChunkSize+each-1)/(ChunkSize+each))
	plain = sealed - chunks*each
	return plain, plain >= 0 && Size(plain, layers) == sealed
}

// kindOf returns the kind of a chunk of a file of so many bytes.
func kindOf(number, plainSize int64) byte {
	if (number+1)*ChunkSize >= plainSize {
		return kindLast
	}
	return kindInner
}

// chunks seals and opens single chunks, for one goroutine: its memory is used
// again, so that a chunk costs no allocation.
type chunks struct {
	layers   []cipher.AEAD
	overhead int // of all layers
	data     [11]byte
	between  []byte // what a layer hands to the next
}

func newChunks(k *Key) (*chunks, error) {
	if len(k.Secrets) == 0 || len(k.Secrets) > MaxLayers {
		return nil, errSecrets
	}
	c := &chunks{layers: make([]cipher.AEAD, len(k.Secrets)), overhead: len(k.Secrets) * overhead}
	for i, secret := range k.Secrets {
		if len(secret) != SecretSize {
			return nil, errSecrets
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		if c.layers[i], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// bind sets the additional data.
func (c *chunks) bind(layer int, kind byte, number int64) []byte {
	c.data[0], c.data[1], c.data[2] = version, byte(layer), kind
	binary.BigEndian.PutUint64(c.data[3:], uint64(number))
	return c.data[:]
}

// seal appends a sealed chunk to dst.
func (c *chunks) seal(dst, plain []byte, kind byte, number int64) []byte {
	last := len(c.layers) - 1
	for layer, aead := range c.layers {
		if layer == last {
			return sealLayer(aead, dst, plain, c.bind(layer, kind, number))
		}
		c.between = sealLayer(aead, c.between[:0], plain, c.bind(layer, kind, number))
		plain = c.between
	}
	return dst
}

func sealLayer(aead cipher.AEAD, dst, plain, data []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, nonceSize)...)
	nonce := dst[at:]
	rand.Read(nonce) // never fails
	return aead.Seal(dst, nonce, plain, data)
}

// openInPlace returns the plaintext of a sealed chunk, which takes its place.
func (c *chunks) openInPlace(sealed []byte, kind byte, number int64) ([]byte, error) {
	for layer, aead := range slices.Backward(c.layers) {
		if len(sealed) < overhead {
			return nil, ErrDamaged
		}
		nonce, rest := sealed[:nonceSize], sealed[nonceSize:]
		plain, err := aead.Open(rest[:0], nonce, rest, c.bind(layer, kind, number))
		if err != nil {
			return nil, ErrDamaged
		}
		sealed = plain
	}
	return sealed, nil
}
