package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// A ciphertext is a header and what AES-256-GCM makes of the plaintext:
//
//	format   1 byte
//	key      16 bytes, the UUID
//	version  4 bytes, of the key's material
//	salt     16 bytes
//	nonce    12 bytes
//	sealed   as long as the plaintext, and 16 bytes
//
// Each is encrypted under a key of its own, derived from the material and the
// salt, so that no material ever meets the bound of its random nonces. The
// header and the encryption context are authenticated with it.
type ciphertext struct {
	materialID
	text []byte
}

const (
	formatV1     = 1
	saltSize     = 16
	nonceSize    = 12
	tagSize      = 16
	headerSize   = 1 + 16 + 4
	overhead     = headerSize + saltSize + nonceSize + tagSize
	maxPlaintext = 4096
)

var errNoCiphertext = errors.New("no ciphertext")

// parseCiphertext reads a header. Whether the rest is genuine shows when it is
// opened.
func parseCiphertext(text []byte) (ciphertext, error) {
	if len(text) < overhead || len(text) > overhead+maxPlaintext || text[0] != formatV1 {
		return ciphertext{}, errNoCiphertext
	}
	id := uuid.UUID(text[1:17])
	return ciphertext{materialID{id.String(), int64(binary.BigEndian.Uint32(text[17:headerSize]))}, text}, nil
}

// encrypt returns a ciphertext under a version of a key's material.
func encrypt(id materialID, material, plaintext []byte, context map[string]string) ([]byte, error) {
	key, err := uuid.Parse(id.key)
	if err != nil {
		return nil, fmt.Errorf("key id: %w", err)
	}
	text := make([]byte, 0, overhead+len(plaintext))
	text = append(text, formatV1)
	text = append(text, key[:]...)
	text = binary.BigEndian.AppendUint32(text, uint32(id.version))
	random := text[headerSize : headerSize+saltSize+nonceSize]
	_, _ = rand.Read(random) // never fails
	text = text[:headerSize+len(random)]
	aead, err := derive(material, random[:saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Seal(text, random[saltSize:], plaintext, additionalData(text, context)), nil
}

// decrypt returns the plaintext, or fails when anything is not as it was.
func (c ciphertext) decrypt(material []byte, context map[string]string) ([]byte, error) {
	const start = headerSize + saltSize + nonceSize
	aead, err := derive(material, c.text[headerSize:headerSize+saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, c.text[headerSize+saltSize:start], c.text[start:], additionalData(c.text[:start], context))
}

func derive(material, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, material, salt, "nifuda kms ciphertext v1", materialSize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCM(block)
}

// additionalData is the header and the encryption context in one spelling: its
// pairs by their keys, each text with its length before it.
func additionalData(header []byte, context map[string]string) []byte {
	data := slices.Clone(header)
	for _, key := range slices.Sorted(maps.Keys(context)) {
		for _, text := range []string{key, context[key]} {
			data = binary.BigEndian.AppendUint32(data, uint32(len(text)))
			data = append(data, text...)
		}
	}
	return data
}
