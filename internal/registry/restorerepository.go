package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nifuda/nifuda/internal/event"
	"github.com/nifuda/nifuda/internal/store"
)

// A RepositoryRestoration says which deleted repository to restore.
type RepositoryRestoration struct {
	RepositoryName        // that it had
	ID             string // "" is the newest deletion of the name
	NewName        string // "" is the name that it had
	Actor          string // the caller's ARN
}

// RestoreRepository brings a deleted repository back with everything that it held
// and everything that was set for it. It refuses with RepositoryNotFound,
// RepositoryAlreadyExists, LimitExceeded, Kms and UndeleteDisabled.
func (r *Registry) RestoreRepository(ctx context.Context, in RepositoryRestoration) (Repository, error) {
	if r.window <= 0 {
		return Repository{}, undeleteDisabled()
	}
	deleted, k, err := r.restorable(ctx, in)
	if err != nil {
		return Repository{}, err
	}
	to := RepositoryName{Registry: in.Registry, Name: cmp.Or(in.NewName, in.Name)}
	limits, err := r.limits.of(ctx, r.store, to.Registry.Account, deleted.ID)
	if err != nil {
		return Repository{}, err
	}
	old, key, err := r.renew(ctx, k)
	if err != nil {
		return Repository{}, err
	}
	defer r.repositoryIDs.change(to)()
	defer r.protections.change(to)()
	var row store.Repository
	err = r.update(ctx, to, func(ctx context.Context, tx *store.Tx) error {
		locked, err := tx.LockDeletedRepository(ctx, deleted.ID, r.restorableSince())
		if err != nil {
			return err
		}
		if locked != deleted { // it was restored and deleted again
			return store.ErrNotFound
		}
		if row, err = tx.ShowRepository(ctx, deleted.ID, to.Registry.Account, to.Registry.Region, to.Name); err != nil {
			return err
		}
		if err := checkRepositories(ctx, tx, to.Registry, limits); err != nil {
			return err
		}
		if err := checkStorage(ctx, tx, to, deleted.ID, limits); err != nil {
			return err
		}
		change := event.Change{Kind: event.RepositoryRestored}
		if to.Name != in.Name {
			change.FormerName = in.Name
		}
		if err := recordChange(ctx, tx, to, in.Actor, r.millis(), change); err != nil {
			return err
		}
		if key == nil {
			return nil
		}
		return tx.SetRepositoryGrants(ctx, deleted.ID, key.Grants)
	})
	if err != nil {
		r.unestablish(ctx, k, key)
	} else if key != nil {
		r.release(ctx, k, old)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Repository{}, repositoryNotRestorable(in.RepositoryName)
	case store.IsUnique(err):
		return Repository{}, repositoryAlreadyExists(to)
	case err != nil:
		return Repository{}, r.explain("restore repository", in.RepositoryName, err)
	}
	return repositoryOf(row)
}

// A RestorationKey is the KMS key of a deleted repository, which a restoration
// gives to it again.
type RestorationKey struct {
	RepositoryID string
	KMSKey       string // ARN; "" is none
	Context      string // the ARN that the grants are bound to
}

// RestorationKey returns the key of the repository that a restoration means. It
// refuses as RestoreRepository does.
func (r *Registry) RestorationKey(ctx context.Context, in RepositoryRestoration) (RestorationKey, error) {
	if r.window <= 0 {
		return RestorationKey{}, undeleteDisabled()
	}
	deleted, k, err := r.restorable(ctx, in)
	if err != nil || k.isServer() {
		return RestorationKey{RepositoryID: deleted.ID}, err
	}
	key, err := r.store.RepositoryKey(ctx, deleted.ID)
	if errors.Is(err, store.ErrNotFound) { // it is gone by now
		return RestorationKey{}, repositoryNotRestorable(in.RepositoryName)
	}
	if err != nil {
		return RestorationKey{}, fmt.Errorf("read the key of a deleted repository: %w", err)
	}
	return RestorationKey{RepositoryID: deleted.ID, KMSKey: k.Encryption.KMSKey, Context: key.Context}, nil
}

// restorable returns which deleted repository is meant, and on whose keys its
// blobs depend under the name that it will have.
func (r *Registry) restorable(ctx context.Context, in RepositoryRestoration) (deleted store.DeletedRepository, k Keeper, err error) {
	found, err := r.store.DeletedRepositoriesNamed(ctx, in.Registry.Account, in.Registry.Region, in.Name, math.MaxInt64, afterAllIDs, r.restorableSince(), 1)
	if in.ID != "" {
		found, err = r.store.DeletedRepositoryByID(ctx, in.ID, in.Registry.Account, in.Registry.Region, in.Name, r.restorableSince())
	}
	if err != nil {
		return deleted, k, fmt.Errorf("find deleted repository: %w", err)
	}
	if len(found) == 0 {
		return deleted, k, repositoryNotRestorable(in.RepositoryName)
	}
	deleted = found[0]
	row, err := r.store.RepositoryByID(ctx, deleted.ID)
	if errors.Is(err, store.ErrNotFound) {
		return deleted, k, repositoryNotRestorable(in.RepositoryName)
	}
	if err != nil {
		return deleted, k, fmt.Errorf("read deleted repository: %w", err)
	}
	to := RepositoryName{Registry: in.Registry, Name: cmp.Or(in.NewName, in.Name)}
	_, err = r.store.RepositoryID(ctx, to.Registry.Account, to.Registry.Region, to.Name)
	if err == nil {
		return deleted, k, repositoryAlreadyExists(to)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return deleted, k, fmt.Errorf("find repository: %w", err)
	}
	return deleted, keeperOf(Repository{RepositoryName: to, ID: deleted.ID, Encryption: Encryption{Type: row.Encryption, KMSKey: row.KMSKey}}), nil
}

func repositoryNotRestorable(n RepositoryName) *Error {
	return refuse(CodeRepositoryNotFound, "No repository with name '%s' can be restored in the registry with id '%s': none was deleted, or too long ago", n.Name, n.Registry.Account)
}
