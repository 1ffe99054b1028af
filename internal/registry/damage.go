package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// openMoved opens a blob whose bytes are not where its row said: they are
// elsewhere by now, or lost.
func (r *Registry) openMoved(ctx context.Context, n RepositoryName, keeper Keeper, seen store.Blob) (Content, error) {
	b, damaged, err := r.store.OpenBlob(ctx, n.Registry.Account, n.Registry.Region, n.Name, seen.Digest)
	if err != nil {
		return Content{}, r.explainMissingBlob(ctx, n, seen.Digest, err)
	}
	if damaged || b.Location == seen.Location {
		return Content{}, r.lost(ctx, n, b)
	}
	content, err := r.open(ctx, keeper, b)
	if err != nil {
		return Content{}, fmt.Errorf("open blob %s: %w", b.Digest, err)
	}
	return Content{Digest: b.Digest, Size: b.Size, ReadSeekCloser: content}, nil
}

// A blob store that should have this many blobs and has none is not mounted.
const emptyFrom = 10

var errNotEmpty = errors.New("the blob store is not empty")

// CheckBlobStore returns an error when a blob store as a whole is not what it
// was: it does not answer, or has nothing at all. Then nothing can be said of a
// single blob that it lacks.
func CheckBlobStore(ctx context.Context, metadata *store.Store, blobs blob.Store) error {
	if err := blobs.Ping(ctx); err != nil {
		return fmt.Errorf("blob store: %w", err)
	}
	expected, err := metadata.StoredLocations(ctx, "", emptyFrom)
	if err != nil || len(expected) < emptyFrom {
		return err
	}
	err = blobs.Walk(ctx, func(blob.Object) error { return errNotEmpty })
	if errors.Is(err, errNotEmpty) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("walk through the blob store: %w", err)
	}
	return errors.New("the blob store is empty, and should not be: is it mounted?")
}

// lost refuses to give a blob whose bytes are gone, and marks it, so that a push
// uploads it again. Where the whole blob store is gone it marks nothing.
func (r *Registry) lost(ctx context.Context, n RepositoryName, b store.Blob) error {
	if err := CheckBlobStore(ctx, r.store, r.blobs); err != nil {
		return fmt.Errorf("open blob %s: %w", b.Digest, err)
	}
	var marked bool
	err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		marked = false
		now, err := tx.LockBlob(ctx, b.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && now.Location != b.Location {
			return nil
		}
		if err == nil {
			marked, err = tx.MarkDamaged(ctx, b.ID, r.millis())
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrReadOnly) {
		return fmt.Errorf("mark blob %s as damaged: %w", b.Digest, err)
	}
	if marked {
		r.log.ErrorContext(ctx, "the bytes of a blob are gone", "repository", n.ARN(), "digest", b.Digest, "location", b.Location)
	}
	return layerDamaged(n, b.Digest)
}
