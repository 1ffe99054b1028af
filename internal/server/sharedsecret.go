package server

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/store"
)

var _ keyring.Shared = (*sharedSecret)(nil)

// A sharedSecret is a secret of all nodes. It is in the database, sealed under the
// server key and bound to its name.
type sharedSecret struct {
	metadata *store.Store
	name     string
	seal     cipher.AEAD
	version  atomic.Int64 // of what was loaded last
}

func newSharedSecret(metadata *store.Store, key authn.Keyring, name string) (*sharedSecret, error) {
	block, err := aes.NewCipher(key.DeriveKey("nifuda shared secrets v1"))
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	return &sharedSecret{metadata: metadata, name: name, seal: seal}, err
}

// String says where it is.
func (*sharedSecret) String() string { return "in the database" }

// Shared implements [keyring.Shared].
func (*sharedSecret) Shared() {}

// Load implements [keyring.Source].
func (s *sharedSecret) Load(ctx context.Context) ([]byte, error) {
	kept, err := s.metadata.Secret(ctx, s.name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", s.name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	text, err := s.seal.Open(nil, nil, kept.Sealed, []byte(s.name))
	if err != nil {
		return nil, fmt.Errorf("the server key does not open the %s", s.name)
	}
	s.version.Store(kept.Version)
	return text, nil
}

// Create implements [keyring.Source].
func (s *sharedSecret) Create(ctx context.Context, text []byte) error {
	sealed := s.seal.Seal(nil, nil, text, []byte(s.name))
	return s.write(ctx, fs.ErrExist, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.CreateSecret(ctx, s.name, sealed)
	})
}

// Replace implements [keyring.Source]. It returns [keyring.ErrChanged] when another
// node has replaced what was loaded.
func (s *sharedSecret) Replace(ctx context.Context, text []byte) error {
	next := store.Secret{Name: s.name, Sealed: s.seal.Seal(nil, nil, text, []byte(s.name)), Version: s.version.Load()}
	return s.write(ctx, keyring.ErrChanged, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.ReplaceSecret(ctx, next)
	})
}

// write returns an error of the caller's when another node was faster.
func (s *sharedSecret) write(ctx context.Context, late error, write func(context.Context, *store.Tx) (bool, error)) error {
	var done bool
	err := s.metadata.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		done, err = write(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", s.name, err)
	}
	if !done {
		return fmt.Errorf("%s: %w", s.name, late)
	}
	return nil
}
