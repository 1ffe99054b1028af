package registry

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// purgeImages forgets deleted images that cannot be restored any more.
func (p *pass) purgeImages(ctx context.Context) error {
	rows := p.rowsAtOnce()
	for {
		start := time.Now()
		n, err := p.purgeDeletedImages(ctx, rows)
		if err != nil {
			return err
		}
		p.freed.Images += int64(n)
		if n < rows {
			return nil
		}
		if err := p.rest(ctx, time.Since(start)); err != nil {
			return err
		}
	}
}

// purgeRepositories takes deleted repositories apart that cannot be restored any
// more, the oldest first.
func (p *pass) purgeRepositories(ctx context.Context) error {
	for {
		ids, err := p.store.RepositoriesToPurge(ctx, p.restorableSince(), pageRows)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := p.purgeRepository(ctx, id); err != nil {
				return err
			}
		}
		if len(ids) < pageRows {
			return nil
		}
	}
}

// purgeRepository takes a repository apart, step by step, or goes on with it.
func (p *pass) purgeRepository(ctx context.Context, id string) error {
	var purging bool
	err := p.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		purging, err = tx.StartPurge(ctx, id, p.restorableSince())
		return err
	})
	if err == nil && purging {
		err = p.releaseKey(ctx, id)
	}
	if err != nil || !purging { // it was restored, be it to be deleted again, or another node was faster
		return err
	}
	for {
		start := time.Now()
		var purged store.Purged
		err := p.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			purged, err = tx.PurgeRepository(ctx, id, sqliteRows)
			return err
		})
		if err != nil {
			return err
		}
		p.freed.Images += purged.Images
		p.freed.Links += purged.Links
		if purged.Gone {
			return nil
		}
		if purged.Done {
			p.freed.Repositories++
			return nil
		}
		if err := p.rest(ctx, time.Since(start)); err != nil {
			return err
		}
	}
}

// releaseKey retires the grants of a repository that is taken apart. That was
// done with its deletion, unless a crash came in between.
func (p *pass) releaseKey(ctx context.Context, id string) error {
	repository, err := p.store.RepositoryByID(ctx, id)
	if err != nil || repository.KMSKey == "" {
		return ignoreNotFound(err)
	}
	key, err := p.store.RepositoryKey(ctx, id)
	if err != nil {
		return ignoreNotFound(err)
	}
	n := RepositoryName{Registry: ID{Account: repository.Account, Region: repository.Region}, Name: repository.Name}
	p.release(ctx, Keeper{RepositoryID: id, Repository: n, Encryption: Encryption{Type: repository.Encryption, KMSKey: repository.KMSKey}}, RepositoryKey(key))
	return nil
}

// ignoreNotFound is for what another node may have taken apart already.
func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
