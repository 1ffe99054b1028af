package datakeys

import (
	"context"
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
)

var _ registry.SealingKeys = (*Keys)(nil)

// Seals implements [registry.SealingKeys].
func (k *Keys) Seals() bool { return k.Seal }

// IDs implements [registry.SealingKeys].
func (k *Keys) IDs() []string { return k.Ring.Keys() }

// Rotate implements [registry.SealingKeys].
func (k *Keys) Rotate(ctx context.Context) error {
	_, err := k.Ring.Rotate(ctx)
	return refusal(err)
}

// Retire implements [registry.SealingKeys].
func (k *Keys) Retire(ctx context.Context, id string) error {
	if err := k.RewrapRest(ctx); err != nil {
		return err
	}
	return refusal(k.Ring.Remove(ctx, id))
}

// RewrapRest implements [registry.SealingKeys]. The material of customers' keys
// must not depend on another key either, nor what tells the database's ring from
// another.
func (k *Keys) RewrapRest(ctx context.Context) error {
	if k.KMS != nil {
		if err := k.RewrapKeys(ctx); err != nil {
			return err
		}
	}
	if k.Recheck == nil {
		return nil
	}
	if err := k.Recheck(ctx); err != nil {
		return fmt.Errorf("write the check of the key ring: %w", err)
	}
	return nil
}

// refusal tells the caller why the ring is not changed: what it refuses, that its
// file is gone, or what the KMS says that keeps it.
func refusal(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &registry.Error{Code: registry.CodeSealingKey, Message: err.Error()}
}

// Rewrap implements [registry.SealingKeys].
func (k *Keys) Rewrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	id, err := keyring.WrappedBy(wrapped)
	if err != nil {
		return nil, err
	}
	if id == k.Ring.Current() {
		return nil, nil
	}
	secret, err := k.Ring.Unwrap(ctx, wrapped, purpose)
	if err != nil {
		return nil, err
	}
	return k.Ring.Wrap(ctx, secret, purpose)
}

// Opens returns an error unless the ring opens a data key: one that is
// [registry.ErrOtherKeeper] for that of a repository with a KMS key.
func Opens(ctx context.Context, ring *keyring.Ring, wrapped []byte) error {
	_, err := unwrap(ctx, ring, wrapped)
	return err
}

func unwrap(ctx context.Context, ring *keyring.Ring, wrapped []byte) ([]byte, error) {
	if len(wrapped) > 0 && wrapped[0] == repositoryForm {
		return nil, registry.ErrOtherKeeper
	}
	return ring.Unwrap(ctx, wrapped, purpose)
}
