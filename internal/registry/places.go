package registry

import (
	"context"
	"fmt"

	"github.com/nifuda/nifuda/internal/store"
)

// A place is where a repository's contents are stored, and on whose keys they
// depend.
type place struct {
	id     string
	keeper Keeper
}

// place returns the place behind a name, or refuses with RepositoryNotFound.
func (r *Registry) place(ctx context.Context, n RepositoryName) (place, error) {
	p, err := r.repositoryIDs.get(n, "", func() (place, error) {
		found, err := r.store.RepositoryPlace(ctx, n.Registry.Account, n.Registry.Region, n.Name)
		return placeOf(n, found), err
	}, func(place) bool { return true })
	return p, r.explain("find repository", n, err)
}

func placeOf(n RepositoryName, found store.RepositoryPlace) place {
	encryption := Encryption{Type: found.Encryption, KMSKey: found.KMSKey}
	return place{id: found.ID, keeper: keeperOf(Repository{RepositoryName: n, ID: found.ID, Encryption: encryption})}
}

// keeperOf returns on whose keys a repository's blobs depend.
func keeperOf(repository Repository) Keeper {
	if repository.Encryption.KMSKey == "" {
		return Keeper{}
	}
	return Keeper{RepositoryID: repository.ID, Repository: repository.RepositoryName, Encryption: repository.Encryption}
}

// usablePlace is place for what puts bytes into a repository: it refuses with
// CodeKms too, when the repository's key cannot be used now.
func (r *Registry) usablePlace(ctx context.Context, n RepositoryName) (place, error) {
	p, err := r.place(ctx, n)
	if err != nil || p.keeper.isServer() {
		return p, err
	}
	return p, r.checkKeeper(ctx, p.keeper)
}

// pushPlace is usablePlace for a push, which fails while there is no room for it.
func (r *Registry) pushPlace(ctx context.Context, n RepositoryName) (place, error) {
	p, err := r.usablePlace(ctx, n)
	if err != nil {
		return p, err
	}
	return p, r.makeRoom(0)
}

// makeRoom fails when so many bytes of a push may not be written.
func (r *Registry) makeRoom(bytes int64) error {
	if err := r.room(bytes); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return nil
}

// checkKey refuses with CodeKms when the key of a repository with a KMS key
// cannot be used now. Repositories without one are not asked about: whoever
// calls has seen in what it read anyway that there is a key.
func (r *Registry) checkKey(ctx context.Context, n RepositoryName) error {
	_, err := r.usablePlace(ctx, n)
	return err
}

func (r *Registry) checkKeeper(ctx context.Context, k Keeper) error {
	return r.explain("check the key of", k.Repository, r.keys.Check(ctx, k))
}

// repositoryID returns the id behind a name, or refuses with RepositoryNotFound.
func (r *Registry) repositoryID(ctx context.Context, n RepositoryName) (string, error) {
	p, err := r.place(ctx, n)
	return p.id, err
}
