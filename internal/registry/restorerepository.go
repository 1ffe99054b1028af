package registry

import (
	"cmp"
	"context"
	"errors"

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
// RepositoryAlreadyExists and UndeleteDisabled.
func (r *Registry) RestoreRepository(ctx context.Context, in RepositoryRestoration) (Repository, error) {
	if r.window <= 0 {
		return Repository{}, undeleteDisabled()
	}
	to := RepositoryName{Registry: in.Registry, Name: cmp.Or(in.NewName, in.Name)}
	// A repository with a KMS key needs [DataKeys.Establish] again, before the
	// transaction, as its creation does: there are none yet.
	defer r.repositoryIDs.change(to)()
	defer r.protections.change(to)()
	var row store.Repository
	err := r.update(ctx, to, func(ctx context.Context, tx *store.Tx) error {
		deleted, err := tx.LockDeletedRepository(ctx, in.Registry.Account, in.Registry.Region, in.Name, in.ID, r.restorableSince())
		if err != nil {
			return err
		}
		row, err = tx.ShowRepository(ctx, deleted.ID, to.Registry.Account, to.Registry.Region, to.Name)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Repository{}, refuse(CodeRepositoryNotFound, "No repository with name '%s' can be restored in the registry with id '%s': none was deleted, or too long ago", in.Name, in.Registry.Account)
	case store.IsUnique(err):
		return Repository{}, repositoryAlreadyExists(to)
	case err != nil:
		return Repository{}, r.explain("restore repository", in.RepositoryName, err)
	}
	return repositoryOf(row)
}
