package datakeys

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/registry"
)

var errNoKMS = errors.New("this server has no KMS")

// Check implements [registry.DataKeys].
func (k *Keys) Check(context.Context, registry.Keeper) error { return nil }

// Establish implements [registry.DataKeys].
func (k *Keys) Establish(context.Context, registry.Keeper) (registry.Encryption, registry.RepositoryKey, error) {
	return registry.Encryption{}, registry.RepositoryKey{}, errNoKMS
}

// Renew implements [registry.DataKeys].
func (k *Keys) Renew(context.Context, registry.Keeper, registry.RepositoryKey) (registry.RepositoryKey, error) {
	return registry.RepositoryKey{}, errNoKMS
}

// Release implements [registry.DataKeys].
func (k *Keys) Release(context.Context, registry.Keeper, registry.RepositoryKey) error { return nil }
