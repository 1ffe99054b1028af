package registry

import (
	"context"
	"errors"

	"github.com/nifuda/nifuda/internal/store"
)

// collectLinks ends the links that no image refers to.
func (p *pass) collectLinks(ctx context.Context) error {
	after, due := store.FirstLinkCheck, p.millis()
	page := func(ctx context.Context, limit int) (checks []store.LinkCheck, err error) {
		checks, err = p.store.LinkChecks(ctx, due, after, limit)
		if len(checks) > 0 {
			after = checks[len(checks)-1]
		}
		return checks, err
	}
	return inTurn(ctx, p, page, func(ctx context.Context, checks []store.LinkCheck) error {
		var ended int64
		done, err := p.update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			ended = 0
			for _, c := range checks {
				removed, err := p.checkLink(ctx, tx, c)
				if err != nil {
					return err
				}
				if removed {
					ended++
				}
			}
			return nil
		})
		if done {
			p.freed.Links += ended
		}
		return err
	})
}

// checkLink looks at a link, and reports whether it ended it.
func (r *Registry) checkLink(ctx context.Context, tx *store.Tx, c store.LinkCheck) (removed bool, err error) {
	taken, err := tx.TakeLinkCheck(ctx, c)
	if err != nil || !taken {
		return false, err
	}
	for {
		touchedAt, used, err := tx.LinkUse(ctx, c.RepositoryID, c.Digest)
		if errors.Is(err, store.ErrNotFound) || err == nil && used {
			return false, nil // whatever makes it unused has it looked at again
		}
		if err != nil {
			return false, err
		}
		now, grace := r.millis(), r.grace.Milliseconds()
		if touchedAt+grace > now {
			return false, tx.CheckLink(ctx, c.RepositoryID, c.Digest, touchedAt+grace)
		}
		if err := tx.CheckBlob(ctx, c.RepositoryID, c.Digest); err != nil {
			return false, err
		}
		removed, err := tx.RemoveLink(ctx, c.RepositoryID, c.Digest, now-grace)
		if err != nil || removed {
			return removed, err
		}
		// It was touched, used or ended between the look and the removal.
	}
}

// collectBlobs forgets the blobs that no repository has, and puts their bytes in
// the trash. Those commits survive a power cut: bytes that are removed must not
// be those of a blob that is there again.
func (p *pass) collectBlobs(ctx context.Context) error {
	after := ""
	page := func(ctx context.Context, limit int) (ids []string, err error) {
		ids, err = p.store.BlobChecks(ctx, after, limit)
		if len(ids) > 0 {
			after = ids[len(ids)-1]
		}
		return ids, err
	}
	return inTurn(ctx, p, page, func(ctx context.Context, ids []string) error {
		var forgotten, bytes int64
		done, err := p.update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			forgotten, bytes = 0, 0
			for _, id := range ids {
				b, err := p.checkBlob(ctx, tx, id)
				if errors.Is(err, store.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				forgotten++
				if b.Location == "" {
					bytes += b.Size
				}
			}
			return nil
		})
		if done {
			p.freed.Blobs += forgotten
			p.freed.Bytes += bytes
		}
		return err
	})
}

// checkBlob forgets a blob without a link and returns it, or returns
// [store.ErrNotFound].
func (r *Registry) checkBlob(ctx context.Context, tx *store.Tx, id string) (store.Blob, error) {
	taken, err := tx.TakeBlobCheck(ctx, id)
	if err != nil {
		return store.Blob{}, err
	}
	if !taken {
		return store.Blob{}, store.ErrNotFound
	}
	b, err := tx.RemoveBlob(ctx, id)
	if err != nil || b.Location == "" {
		return b, err
	}
	_, err = tx.PutTrash(ctx, store.Trash{Location: b.Location, Size: b.Size, DeleteAfter: r.now().Add(r.trashDelay()).UnixMilli()})
	return b, err
}
