package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

const (
	// What has more blobs than this is measured in the background alone.
	measuredAtOnce = 5000
	// So many blobs are looked at together.
	measuredPage = 1000
	// Repositories that have changed are measured this often, and the others, for
	// those with which they share may have changed, after so long.
	measureInterval = time.Hour
	// A process that has just started has other things to do.
	measureDelay    = time.Minute
	measureLifetime = 24 * time.Hour
	// So many images that were never pulled are remembered of each repository, and
	// shown of a registry.
	neverPulled = 10
)

// RunMeasurements measures what repositories share, and which of their images were
// never pulled, now and then. One process of a database needs to.
func (r *Registry) RunMeasurements(ctx context.Context) {
	due := time.NewTimer(measureDelay)
	defer due.Stop()
	for {
		select {
		case <-due.C:
			r.report(ctx, "measure repositories", ignoreEnd(ctx, r.Measure(ctx)))
			due.Reset(measureInterval)
		case <-ctx.Done():
			return
		}
	}
}

// Measure measures the repositories that have changed since they were measured, or
// were measured long ago.
func (r *Registry) Measure(ctx context.Context) error {
	p := pace{idle: idlePause, busy: busyPause, requests: r.requests}
	for after := ""; ; {
		ids, err := r.store.RepositoryIDs(ctx, after, measuredPage)
		if err != nil {
			return fmt.Errorf("list repositories: %w", err)
		}
		for _, id := range ids {
			if err := r.measureRepository(ctx, id, &p); err != nil {
				return fmt.Errorf("measure repository %s: %w", id, err)
			}
			after = id
		}
		if len(ids) < measuredPage {
			return nil
		}
	}
}

func (r *Registry) measureRepository(ctx context.Context, id string, p *pace) error {
	repository, err := r.store.RepositoryByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && repository.Deleted {
		return nil
	}
	if err != nil {
		return err
	}
	usage, err := r.store.RepositoryUsage(ctx, id)
	if err != nil {
		return err
	}
	before, err := r.store.Sharing(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if before.MeasuredAt > r.now().Add(-measureLifetime).UnixMilli() && before.Held == usage.Bytes {
		return nil
	}
	registry := ID{Account: repository.Account, Region: repository.Region}
	begin := time.Now()
	unpulled, err := r.store.SearchImages(ctx, store.ImageFilter{RepositoryID: id, NeverPulled: true}, store.ByPushedAt, true, nil, neverPulled)
	if err != nil {
		return err
	}
	if err := p.rest(ctx, time.Since(begin)); err != nil {
		return err
	}
	sharing, err := r.measureSharing(ctx, registry, id, p)
	if err != nil {
		return err
	}
	sharing.Held, sharing.MeasuredAt = usage.Bytes, r.millis()
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutSharing(ctx, id, sharing); err != nil {
			return err
		}
		return tx.PutNeverPulled(ctx, registry.Account, registry.Region, id, unpulled)
	})
	if store.IsForeignKey(err) { // it is gone
		return nil
	}
	return err
}

// measureSharing adds up what a repository shares. With a pace it rests.
func (r *Registry) measureSharing(ctx context.Context, id ID, repositoryID string, p *pace) (s store.Sharing, err error) {
	for after := ""; ; {
		begin := time.Now()
		blobs, err := r.store.BlobSharing(ctx, id.Account, id.Region, repositoryID, after, measuredPage)
		if err != nil {
			return s, err
		}
		for _, b := range blobs {
			if b.Shared {
				s.Shared += b.Size
			}
			if b.Repeated {
				s.Repeated += b.Size
			}
			after = b.Digest
		}
		if p != nil {
			if err := p.rest(ctx, time.Since(begin)); err != nil {
				return s, err
			}
		}
		if len(blobs) < measuredPage {
			return s, nil
		}
	}
}
