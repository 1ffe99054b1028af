package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/credentials"
)

// A KMS is a key that never leaves where it is, and wraps others there. Its
// String names it.
type KMS interface {
	fmt.Stringer
	// GenerateDataKey returns a new key of 32 bytes, and that key wrapped for an
	// encryption context.
	GenerateDataKey(ctx context.Context, encryptionContext map[string]string) (plaintext, wrapped []byte, err error)
	// Decrypt returns what was wrapped for an encryption context.
	Decrypt(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error)
}

// KMSSource returns the source of a ring in a file that only a KMS can open. Each
// time that the ring changes it is encrypted under a new key, which stands beside
// it, wrapped by the KMS.
func KMSSource(k KMS, path string) Source { return kmsSource{k, credentials.FileSource(path)} }

type kmsSource struct {
	kms  KMS
	file credentials.FileSource
}

// A sealedRing is what the file holds, as JSON.
type sealedRing struct {
	KMSKey string // for people
	Key    []byte // wrapped by the KMS
	Ring   []byte // the text, under that key
}

// ringContext is the encryption context of what wraps a ring.
func ringContext() map[string]string { return map[string]string{"nifuda": "key ring"} }

// String names the file and the key.
func (s kmsSource) String() string {
	return s.file.String() + ", which is sealed under " + s.kms.String()
}

// Load implements [Source].
func (s kmsSource) Load(ctx context.Context) ([]byte, error) {
	text, err := s.file.Load(ctx)
	if err != nil {
		return nil, err
	}
	var sealed sealedRing
	if json.Unmarshal(text, &sealed) != nil || len(sealed.Key) == 0 {
		return nil, errors.New("it is no key ring that a KMS has sealed")
	}
	key, err := s.kms.Decrypt(ctx, sealed.Key, ringContext())
	if err != nil {
		return nil, fmt.Errorf("have its key decrypted: %w", err)
	}
	aead, err := ringAEAD(key)
	if err != nil {
		return nil, err
	}
	ring, err := aead.Open(nil, nil, sealed.Ring, nil)
	if err != nil {
		return nil, ErrDamaged
	}
	return ring, nil
}

// Create implements [Source].
func (s kmsSource) Create(ctx context.Context, text []byte) error {
	sealed, err := s.seal(ctx, text)
	if err != nil {
		return err
	}
	return s.file.Create(ctx, sealed)
}

// Replace implements [Source].
func (s kmsSource) Replace(ctx context.Context, text []byte) error {
	sealed, err := s.seal(ctx, text)
	if err != nil {
		return err
	}
	return s.file.Replace(ctx, sealed)
}

func (s kmsSource) seal(ctx context.Context, text []byte) ([]byte, error) {
	key, wrapped, err := s.kms.GenerateDataKey(ctx, ringContext())
	if err != nil {
		return nil, fmt.Errorf("have a key generated: %w", err)
	}
	aead, err := ringAEAD(key)
	if err != nil {
		return nil, err
	}
	sealed, err := json.Marshal(sealedRing{KMSKey: s.kms.String(), Key: wrapped, Ring: aead.Seal(nil, nil, text, nil)})
	if err != nil {
		return nil, err
	}
	return append(sealed, '\n'), nil
}

func ringAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of the ring: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
