package kms

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/store"
)

// materialSize is that of AES-256.
const materialSize = 32

// rememberedMaterials are kept unwrapped.
const rememberedMaterials = 4096

// A materialID names a version of a key's material.
type materialID struct {
	key     string
	version int64
}

// materials remembers key material, which never changes.
type materials struct{ *lru.Cache[materialID, []byte] }

func newMaterials() *materials {
	kept, err := lru.New[materialID, []byte](rememberedMaterials)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &materials{kept}
}

// purpose binds wrapped material to where it belongs.
func (m materialID) purpose() string {
	return "nifuda kms key " + m.key + " version " + strconv.FormatInt(m.version, 10)
}

// text is how the API names the material: 64 hexadecimal digits.
func (m materialID) text() string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("nifuda kms material "+m.key), uint64(m.version)))
	return hex.EncodeToString(sum[:])
}

// newMaterial returns a new version of a key's material, wrapped.
func (s *Service) newMaterial(ctx context.Context, id materialID) (store.KMSMaterial, error) {
	secret := make([]byte, materialSize)
	_, _ = rand.Read(secret) // never fails
	wrapped, err := s.wrapper.Wrap(ctx, secret, id.purpose())
	if err != nil {
		return store.KMSMaterial{}, fmt.Errorf("wrap key material: %w", err)
	}
	return store.KMSMaterial{KeyID: id.key, Version: id.version, Wrapped: wrapped, CreatedAt: s.millis()}, nil
}

// errNoMaterial reports a version that a key never had.
var errNoMaterial = errors.New("no such key material")

// material returns a version of a key's material, or errNoMaterial.
func (s *Service) material(ctx context.Context, id materialID) ([]byte, error) {
	if secret, ok := s.materials.Get(id); ok {
		return secret, nil
	}
	row, err := s.store.KMSMaterial(ctx, id.key, id.version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoMaterial
	}
	if err != nil {
		return nil, fmt.Errorf("read key material: %w", err)
	}
	secret, err := s.wrapper.Unwrap(ctx, row.Wrapped, id.purpose())
	if err != nil {
		return nil, fmt.Errorf("unwrap material of key %s: %w", id.key, err)
	}
	s.materials.Add(id, secret)
	return secret, nil
}

// rewrapBatch is how many are read at once when all material is wrapped anew.
const rewrapBatch = 100

// Rewrap wraps all key material anew, for a [Wrapper] whose own key has changed.
// It returns how many were wrapped.
func (s *Service) Rewrap(ctx context.Context) (n int, err error) {
	var after store.KMSMaterial
	for {
		rows, err := s.store.KMSMaterials(ctx, after.KeyID, after.Version, rewrapBatch)
		if err != nil {
			return n, fmt.Errorf("list key material: %w", err)
		}
		for _, row := range rows {
			if err := s.rewrap(ctx, row); err != nil {
				return n, err
			}
			n++
		}
		if len(rows) < rewrapBatch {
			return n, nil
		}
		after = rows[len(rows)-1]
	}
}

func (s *Service) rewrap(ctx context.Context, row store.KMSMaterial) error {
	purpose := materialID{row.KeyID, row.Version}.purpose()
	secret, err := s.wrapper.Unwrap(ctx, row.Wrapped, purpose)
	if err != nil {
		return fmt.Errorf("unwrap material of key %s: %w", row.KeyID, err)
	}
	wrapped, err := s.wrapper.Wrap(ctx, secret, purpose)
	if err != nil {
		return fmt.Errorf("wrap material of key %s: %w", row.KeyID, err)
	}
	return s.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RewrapKMSMaterial(ctx, row.KeyID, row.Version, row.Wrapped, wrapped)
		return err // who was faster has wrapped it, or deleted the key
	})
}

// A localWrapper wraps under one key in memory.
type localWrapper struct{ aead cipher.AEAD }

// LocalWrapper wraps under a key of 32 bytes with AES-256-GCM.
func LocalWrapper(key []byte) (Wrapper, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	return localWrapper{aead}, nil
}

// Wrap implements [Wrapper].
func (w localWrapper) Wrap(_ context.Context, secret []byte, purpose string) ([]byte, error) {
	return w.aead.Seal(nil, nil, secret, []byte(purpose)), nil
}

// Unwrap implements [Wrapper].
func (w localWrapper) Unwrap(_ context.Context, wrapped []byte, purpose string) ([]byte, error) {
	return w.aead.Open(nil, nil, wrapped, []byte(purpose))
}
