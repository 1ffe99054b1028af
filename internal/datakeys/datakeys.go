// Package datakeys makes and opens the keys that blobs are sealed with. The
// server's own are wrapped by its key ring; those of a repository with a KMS key
// are wrapped by a key of the repository, which is wrapped by the KMS key.
//
// That the KMS key may be used is asked each time that something is sealed or
// opened under it, whatever is remembered: one that is disabled, or whose grants
// end, serves nobody from then on.
package datakeys

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// purpose is what the ring wraps the data keys of blobs for.
const purpose = "nifuda blob v1"

// Options are what [New] needs.
type Options struct {
	// Ring wraps the data keys of blobs that no customer's key is for.
	Ring *keyring.Ring
	// Seal has new blobs of the server's sealed. Those of a customer's key are
	// in any case, and what is sealed is always opened.
	Seal bool
	// Recheck writes anew what tells the database's ring from another, with the
	// current key; nil is nothing to write.
	Recheck func(ctx context.Context) error
	// KMS has the keys of customers, and Store what is wrapped by them.
	KMS   *kms.Service
	Store *store.Store
}

// Keys are the data keys of an installation.
type Keys struct {
	Options
	opened *lru.Cache[string, *opened] // by the repositories' ids
}

var _ registry.DataKeys = (*Keys)(nil)

// New returns the data keys.
func New(o Options) *Keys {
	remembered, err := lru.New[string, *opened](rememberedRepositories)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Keys{o, remembered}
}

// New implements [registry.DataKeys].
func (k *Keys) New(ctx context.Context, keeper registry.Keeper) (*seal.Key, error) {
	if keeper.RepositoryID != "" {
		o, err := k.usable(ctx, keeper)
		if err != nil {
			return nil, err
		}
		return o.newKey(keeper), nil
	}
	if !k.Seal {
		return nil, nil
	}
	secrets := seal.NewSecrets(1)
	wrapped, err := k.Ring.Wrap(ctx, secrets[0], purpose)
	if err != nil {
		return nil, fmt.Errorf("wrap data key: %w", err)
	}
	return &seal.Key{Secrets: secrets, Wrapped: wrapped}, nil
}

// Open implements [registry.DataKeys].
func (k *Keys) Open(ctx context.Context, keeper registry.Keeper, wrapped []byte) (*seal.Key, error) {
	if keeper.RepositoryID != "" {
		o, err := k.usable(ctx, keeper)
		if err != nil {
			return nil, err
		}
		return o.openKey(keeper, wrapped)
	}
	secret, err := unwrap(ctx, k.Ring, wrapped)
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", err)
	}
	return &seal.Key{Secrets: [][]byte{secret}, Wrapped: wrapped}, nil
}
