package registry

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/seal"
)

// A Keeper is on whose keys the blobs of a repository depend. Blobs are shared
// between repositories with the same keeper, and never between others. The zero
// Keeper is the server itself.
type Keeper struct {
	// RepositoryID is the id of a repository with a KMS key; "" is the server.
	RepositoryID string
	Repository   RepositoryName
	Encryption   Encryption
}

// domain is the keeper as the blobs' rows have it.
func (k Keeper) domain() string { return k.RepositoryID }

// isServer reports whether the keeper is the server itself.
func (k Keeper) isServer() bool { return k.RepositoryID == "" }

// ErrOtherKeeper reports a data key of a repository with a KMS key where one of
// the server's own was expected.
var ErrOtherKeeper = errors.New("it is sealed under the KMS key of a repository")

// DataKeys makes and opens the keys that blobs are sealed with. Its errors that
// are an [*Error] with CodeKms are told to the caller.
type DataKeys interface {
	// New returns a new key for one blob, or nil when blobs are not sealed.
	New(ctx context.Context, k Keeper) (*seal.Key, error)
	// Open returns the key that a blob was sealed with, from its wrapped form.
	Open(ctx context.Context, k Keeper, wrapped []byte) (*seal.Key, error)
	// Check refuses with CodeKms when the key of a repository cannot be used now.
	// It is asked before each push and pull and costs nothing for the server's own.
	Check(ctx context.Context, k Keeper) error
	// Establish prepares the key of a repository that is being created with one,
	// and returns the encryption with the key's ARN, and the repository's key,
	// wrapped, with its grants.
	Establish(ctx context.Context, k Keeper) (Encryption, RepositoryKey, error)
	// Renew makes new grants for the key of a repository that is being restored,
	// be it under another name.
	Renew(ctx context.Context, k Keeper, key RepositoryKey) (RepositoryKey, error)
	// Release retires the grants of a repository that is deleted, or was not
	// created after all.
	Release(ctx context.Context, k Keeper, key RepositoryKey) error
}

// unsealed are the data keys of a registry that seals nothing.
type unsealed struct{}

func (unsealed) New(context.Context, Keeper) (*seal.Key, error) { return nil, nil }

func (unsealed) Open(context.Context, Keeper, []byte) (*seal.Key, error) {
	return nil, errors.New("it is sealed, and there are no keys")
}

func (unsealed) Check(context.Context, Keeper) error { return nil }

func (unsealed) Establish(_ context.Context, k Keeper) (Encryption, RepositoryKey, error) {
	return Encryption{}, RepositoryKey{}, refuse(CodeNotImplemented, "Encryption with %s is not possible: this registry has no KMS.", k.Encryption.Type)
}

func (unsealed) Renew(ctx context.Context, k Keeper, _ RepositoryKey) (RepositoryKey, error) {
	_, key, err := unsealed{}.Establish(ctx, k)
	return key, err
}

func (unsealed) Release(context.Context, Keeper, RepositoryKey) error { return nil }

// A RepositoryKey is what wraps the data keys of a repository with a KMS key.
type RepositoryKey struct {
	Wrapped []byte   // by the KMS key
	Context string   // the ARN that it is wrapped for: the repository's when it was made
	Grants  []string // ids
}
