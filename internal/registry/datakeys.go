package registry

import (
	"context"

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
	// Establish prepares the key of a repository that is being created or
	// restored, and returns the encryption with the key's ARN, and the
	// repository's key, wrapped, with its grants. Of an AES256 repository there
	// is nothing to prepare.
	Establish(ctx context.Context, k Keeper) (Encryption, RepositoryKey, error)
	// Release retires the grants of a repository that is deleted, or was not
	// created after all.
	Release(ctx context.Context, k Keeper, key RepositoryKey) error
}

// A RepositoryKey is what wraps the data keys of a repository with a KMS key.
type RepositoryKey struct {
	Wrapped []byte   // by the KMS key
	Grants  []string // ids
}
