package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// establish prepares what a new repository's blobs are sealed with, and returns
// its encryption as it is shown from then on. key is nil where nothing was to be
// prepared. Whoever does not make the repository after all releases the key.
func (r *Registry) establish(ctx context.Context, k Keeper) (e Encryption, key *RepositoryKey, err error) {
	if k.Encryption.Type == AES256 {
		return k.Encryption, nil, nil
	}
	// A name that is taken is said before any grant is made for it.
	_, err = r.store.RepositoryID(ctx, k.Repository.Registry.Account, k.Repository.Registry.Region, k.Repository.Name)
	if err == nil {
		return e, nil, repositoryAlreadyExists(k.Repository)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return e, nil, fmt.Errorf("find repository: %w", err)
	}
	e, established, err := r.keys.Establish(ctx, k)
	if err != nil {
		return e, nil, r.explain("establish the key of", k.Repository, err)
	}
	return e, &established, nil
}

// renew gives new grants to the key of a deleted repository that is being
// restored; the old ones ended with it, unless a crash came in between. key is
// nil when it has none.
func (r *Registry) renew(ctx context.Context, k Keeper) (old RepositoryKey, key *RepositoryKey, err error) {
	if k.isServer() {
		return old, nil, nil
	}
	stored, err := r.store.RepositoryKey(ctx, k.RepositoryID)
	if err != nil {
		return old, nil, fmt.Errorf("read the key of %s: %w", k.Repository.ARN(), err)
	}
	renewed, err := r.keys.Renew(ctx, k, RepositoryKey(stored))
	if err != nil {
		return old, nil, r.explain("renew the key of", k.Repository, err)
	}
	return RepositoryKey(stored), &renewed, nil
}

// put stores the key, if there is one.
func (key *RepositoryKey) put(ctx context.Context, tx *store.Tx, repositoryID string) error {
	if key == nil {
		return nil
	}
	return tx.PutRepositoryKey(ctx, repositoryID, store.RepositoryKey(*key))
}

// unestablish retires the grants of a key that was established, or renewed, for
// a transaction which failed. Whether it did is looked up: a commit may have
// been made all the same, and without grants its repository could not be used.
func (r *Registry) unestablish(ctx context.Context, k Keeper, key *RepositoryKey) {
	if key == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	stored, err := r.store.RepositoryKey(ctx, k.RepositoryID)
	if err == nil && sameGrants(stored.Grants, key.Grants) {
		return
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		r.log.WarnContext(ctx, "grants left behind", "repository", k.Repository.ARN(), "key", k.Encryption.KMSKey, "grants", key.Grants, "error", err)
		return
	}
	r.release(ctx, k, *key)
}

// release retires the grants of a repository that is gone. Where that fails they
// stay, of no use to anyone: nothing is left that is sealed under them.
func (r *Registry) release(ctx context.Context, k Keeper, key RepositoryKey) {
	ctx = context.WithoutCancel(ctx)
	if err := r.keys.Release(ctx, k, key); err != nil {
		r.log.WarnContext(ctx, "the repository has been deleted but the grants of its key failed to be retired",
			"repository", k.Repository.ARN(), "key", k.Encryption.KMSKey, "grants", key.Grants, "error", err)
	}
}

func sameGrants(a, b []string) bool { return len(a) > 0 && len(b) > 0 && a[0] == b[0] }
