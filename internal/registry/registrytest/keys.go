// Package registrytest stands in for what a registry needs beside its store, in
// tests.
package registrytest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
)

// KeyARN is the KMS key of every repository that has one.
const KeyARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// Keys are data keys that seal nothing, and have one KMS key. The zero Keys can
// be used.
type Keys struct {
	// Failing is what Release fails with.
	Failing error

	mu       sync.Mutex
	unusable bool
	grants   []string
	made     map[string]int // how often a repository got some
	checks   int
}

// SetUnusable disables the KMS key, or enables it.
func (k *Keys) SetUnusable(unusable bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unusable = unusable
}

// Grants returns the ids of the grants that there are.
func (k *Keys) Grants() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.grants)
}

// Checks returns how often Check was called.
func (k *Keys) Checks() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.checks
}

// New implements [registry.DataKeys].
func (k *Keys) New(context.Context, registry.Keeper) (*seal.Key, error) { return nil, nil }

// Open implements [registry.DataKeys].
func (k *Keys) Open(context.Context, registry.Keeper, []byte) (*seal.Key, error) { return nil, nil }

// Check implements [registry.DataKeys].
func (k *Keys) Check(context.Context, registry.Keeper) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.checks++
	return k.refusal()
}

func (k *Keys) refusal() error {
	if k.unusable {
		return registry.KmsRefusal("DisabledException", KeyARN+" is disabled.")
	}
	return nil
}

// Establish implements [registry.DataKeys].
func (k *Keys) Establish(ctx context.Context, keeper registry.Keeper) (registry.Encryption, registry.RepositoryKey, error) {
	key, err := k.Renew(ctx, keeper, registry.RepositoryKey{Wrapped: []byte("wrapped"), Context: keeper.Repository.ARN()})
	return registry.Encryption{Type: keeper.Encryption.Type, KMSKey: KeyARN}, key, err
}

// Renew implements [registry.DataKeys].
func (k *Keys) Renew(_ context.Context, keeper registry.Keeper, key registry.RepositoryKey) (registry.RepositoryKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refusal(); err != nil {
		return key, err
	}
	key.Grants = []string{keeper.RepositoryID + " write", keeper.RepositoryID + " read"}
	for i := range key.Grants {
		key.Grants[i] += strings.Repeat(" again", k.made[keeper.RepositoryID])
	}
	if k.made == nil {
		k.made = map[string]int{}
	}
	k.made[keeper.RepositoryID]++
	k.grants = append(k.grants, key.Grants...)
	return key, nil
}

// Release implements [registry.DataKeys].
func (k *Keys) Release(_ context.Context, _ registry.Keeper, key registry.RepositoryKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Failing != nil {
		return k.Failing
	}
	k.grants = slices.DeleteFunc(k.grants, func(id string) bool { return slices.Contains(key.Grants, id) })
	return nil
}
