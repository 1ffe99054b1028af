package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

const (
	flushInterval = 30 * time.Second
	sweepInterval = time.Hour
	// Events are kept this long.
	eventLifetime = 90 * 24 * time.Hour
	// A sweep handles this many rows in a transaction.
	sweepBatch = 500
)

// RunPulls stores what this process knows of pulls, until ctx is done and then
// the last of it. Each process has its own.
func (r *Registry) RunPulls(ctx context.Context) {
	flush := time.NewTicker(flushInterval)
	defer flush.Stop()
	for {
		select {
		case <-flush.C:
			r.report(ctx, "store pulls", r.FlushPulls(ctx))
		case <-r.pulls.many:
			r.report(ctx, "store pulls", r.FlushPulls(ctx))
		case <-ctx.Done():
			r.report(ctx, "store pulls", r.FlushPulls(context.WithoutCancel(ctx)))
			return
		}
	}
}

// RunSweeps sweeps what has had its time, until ctx is done. One process of a
// database needs to.
func (r *Registry) RunSweeps(ctx context.Context) {
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	for {
		select {
		case <-sweep.C:
			r.report(ctx, "sweep", ignoreEnd(ctx, r.Sweep(ctx)))
		case <-ctx.Done():
			return
		}
	}
}

func (r *Registry) report(ctx context.Context, doing string, err error) {
	if err != nil {
		r.log.ErrorContext(ctx, "housekeeping failed", "doing", doing, "error", err)
	}
}

// Sweep forgets uploads that nothing happened to for a day, with their bytes,
// old events, and how often images were pulled long ago.
func (r *Registry) Sweep(ctx context.Context) error {
	if _, err := r.sweepUploads(ctx); err != nil {
		return fmt.Errorf("sweep uploads: %w", err)
	}
	if err := r.sweepEnded(ctx); err != nil {
		return fmt.Errorf("sweep ended uploads: %w", err)
	}
	if err := r.sweepEvents(ctx); err != nil {
		return fmt.Errorf("sweep events: %w", err)
	}
	if err := r.sweepPulls(ctx); err != nil {
		return fmt.Errorf("sweep pulls: %w", err)
	}
	return nil
}

// sweepUploads returns how many uploads it has forgotten.
func (r *Registry) sweepUploads(ctx context.Context) (swept int64, err error) {
	idle := r.now().Add(-uploadLifetime)
	for {
		stale, err := r.store.StaleUploads(ctx, idle.UnixMilli(), sweepBatch)
		if err != nil {
			return swept, err
		}
		before := swept
		for _, u := range stale {
			gone, err := r.sweepUpload(ctx, u)
			if err != nil {
				return swept, err
			}
			if gone {
				swept++
			}
		}
		if swept == before { // there are none, or somebody is at all of them
			break
		}
	}
	// What no row knows: a request died between the bytes and the row.
	unknown, err := r.blobs.RemoveUploads(ctx, idle.Add(-uploadLifetime))
	return swept + int64(unknown), err
}

func (r *Registry) sweepUpload(ctx context.Context, u store.Upload) (gone bool, err error) {
	release, err := r.claims.take(ctx, u.ID)
	if err != nil {
		return false, err
	}
	defer release()
	gone, err = r.store.DeleteStaleUpload(ctx, u)
	if err != nil || !gone {
		return false, err
	}
	return true, r.abandon(ctx, u.WriterState)
}

// The clocks of nodes may differ by this much: only then the id of an upload that
// was forgotten could be good for a new one.
const endedSkew = time.Hour

// sweepEnded forgets which uploads have ended, once their ids are too old for
// new ones.
func (r *Registry) sweepEnded(ctx context.Context) error {
	before := r.now().Add(-uploadLifetime - endedSkew).UnixMilli()
	return r.sweepRows(ctx, func(ctx context.Context, tx *store.Tx) (int64, error) {
		return tx.DeleteEndedUploads(ctx, before, sweepBatch)
	})
}

func (r *Registry) sweepEvents(ctx context.Context) error {
	before := r.now().Add(-eventLifetime).UnixMilli()
	return r.sweepRows(ctx, func(ctx context.Context, tx *store.Tx) (int64, error) {
		return tx.DeleteEvents(ctx, before, sweepBatch)
	})
}

// sweepRows deletes batch after batch until there are fewer than one.
func (r *Registry) sweepRows(ctx context.Context, deleteBatch func(context.Context, *store.Tx) (int64, error)) error {
	for {
		var n int64
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = deleteBatch(ctx, tx)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
