package verify

import (
	"context"
	"errors"
	"slices"

	"github.com/nifuda/nifuda/internal/store"
)

// relink gives a manifest the rows that it lacks, where what they lead to is
// there, and returns what is wrong afterwards. What no row of this registry leads
// to could be fetched from a replica or from an upstream; there is none yet.
func (p *pass) relink(ctx context.Context, k store.Key, want references) (left string, err error) {
	r, err := p.Store.RepositoryByID(ctx, k.RepositoryID)
	if err != nil {
		return "", err
	}
	domain := ""
	if r.KMSKey != "" {
		domain = r.ID
	}
	err = p.Store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		left, err = p.relinkIn(ctx, tx, k, want, domain)
		return err
	})
	if errors.Is(err, store.ErrNotFound) { // it is gone by now
		return "", nil
	}
	return left, err
}

func (p *pass) relinkIn(ctx context.Context, tx *store.Tx, k store.Key, want references, domain string) (left string, err error) {
	if err := tx.LockRepositoryByID(ctx, k.RepositoryID); err != nil {
		return "", err
	}
	if _, err := tx.StoredManifest(ctx, k); err != nil {
		return "", err
	}
	blobs, children, err := tx.StoredReferences(ctx, k)
	if err != nil {
		return "", err
	}
	unrecorded, _, absent := differ(want.blobs, blobs)
	for _, digest := range slices.Sorted(slices.Values(append(unrecorded, absent...))) {
		id, size, err := tx.BlobID(ctx, digest, domain)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			_, err = tx.LinkBlob(ctx, k.RepositoryID, digest, id, size, p.Now().UnixMilli())
		}
		if err == nil && slices.Contains(unrecorded, digest) {
			err = tx.InsertManifestBlobs(ctx, k.RepositoryID, k.Name, []store.ManifestBlob{{Digest: digest, MediaType: want.blobs[digest]}})
		}
		if err != nil {
			return "", err
		}
	}
	unrecorded, _, _ = differ(want.children, children)
	for _, digest := range slices.Sorted(slices.Values(unrecorded)) {
		present, err := tx.HasManifest(ctx, k.RepositoryID, digest)
		if err == nil && present {
			err = tx.InsertManifestChildren(ctx, k.RepositoryID, k.Name, []string{digest})
		}
		if err != nil {
			return "", err
		}
	}
	if blobs, children, err = tx.StoredReferences(ctx, k); err != nil {
		return "", err
	}
	return want.compare(blobs, children), nil
}

// repoint leads a link to the blob that has its digest, and reports whether
// there is one.
func (p *pass) repoint(ctx context.Context, k store.Key) (mended bool, err error) {
	r, err := p.Store.RepositoryByID(ctx, k.RepositoryID)
	if err != nil {
		return false, err
	}
	domain := ""
	if r.KMSKey != "" {
		domain = r.ID
	}
	err = p.Store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		mended = false
		id, size, err := tx.BlobID(ctx, k.Name, domain)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil { // the blob that it led to may have lost its last link
			err = tx.CheckBlob(ctx, k.RepositoryID, k.Name)
		}
		if err == nil {
			mended, err = tx.RepointLink(ctx, k, id, size)
		}
		return err
	})
	return mended, err
}
