package registry

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/store"
)

// CompleteUpload turns an upload into a blob of the repository. A digest that
// does not match is refused with InvalidLayer and leaves the upload as it was.
//
// When the database went away in the middle of the commit, nobody knows whether it
// happened. The client, which is told to ask again, then learns that the blob is
// there.
func (r *Registry) CompleteUpload(ctx context.Context, n RepositoryName, id string, c Completion) (Completed, error) {
	done, err := r.completeUpload(ctx, n, id, c)
	if err == nil || c.Length != 0 || !mayBeAgain(err) {
		return done, err
	}
	if again, ok := r.completedBefore(ctx, n, id, c); ok {
		return again, nil
	}
	return done, err
}

// mayBeAgain reports whether an upload that was completed is refused so: it is
// over, or nothing tells it from one without any bytes.
func mayBeAgain(err error) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && (refused.Code == CodeUploadNotFound || refused.Code == CodeInvalidLayer || refused.Code == CodeEmptyUpload)
}

// completedBefore returns the blob that an upload of the repository was completed
// with, as far as can be told: the upload has no bytes any more, nobody was told
// that it ended, and the blob is there.
func (r *Registry) completedBefore(ctx context.Context, n RepositoryName, id string, c Completion) (Completed, bool) {
	to, err := r.place(ctx, n)
	if err != nil || !r.uploads.fresh(id, to.id) {
		return Completed{}, false
	}
	if _, err := r.store.Upload(ctx, id); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrEnded) {
		return Completed{}, false
	}
	for _, digest := range c.Digests {
		if blob, err := r.CheckBlob(ctx, n, digest); err == nil {
			return Completed{Blob: blob, Existed: true}, true
		}
	}
	return Completed{}, false
}
