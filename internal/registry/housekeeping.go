package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nifuda/nifuda/internal/event"
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

// Run does what no request does, until ctx is done: it stores pulls,
// sweeps what has had its time and collects what nobody uses.
func (r *Registry) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	workers.Go(func() { r.collectInBackground(ctx) })
	workers.Go(func() { r.recountInBackground(ctx) })
	flush, sweep := time.NewTicker(flushInterval), time.NewTicker(sweepInterval)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-flush.C:
			r.report(ctx, "store pulls", r.FlushPulls(ctx))
		case <-r.pulls.many:
			r.report(ctx, "store pulls", r.FlushPulls(ctx))
		case <-sweep.C:
			r.report(ctx, "sweep", r.Sweep(ctx))
		case <-ctx.Done():
			r.report(ctx, "store pulls", r.FlushPulls(context.WithoutCancel(ctx)))
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
	before := r.now().Add(-uploadLifetime)
	for {
		stale, err := r.store.StaleUploads(ctx, before.UnixMilli(), sweepBatch)
		if err != nil {
			return swept, err
		}
		if len(stale) == 0 {
			break
		}
		for _, u := range stale {
			if err := r.sweepUpload(ctx, u); err != nil {
				return swept, err
			}
			swept++
		}
	}
	// What no row knows: a request died between the bytes and the row.
	unknown, err := r.blobs.RemoveUploads(ctx, before.Add(-uploadLifetime))
	return swept + int64(unknown), err
}

func (r *Registry) sweepUpload(ctx context.Context, u store.Upload) error {
	release, err := r.claims.take(ctx, u.ID)
	if err != nil {
		return err
	}
	defer release()
	gone, err := r.store.DeleteStaleUpload(ctx, u.ID, u.UpdatedAt)
	if err != nil || !gone {
		return err
	}
	return r.abandon(ctx, u.WriterState)
}

func (r *Registry) sweepEvents(ctx context.Context) error {
	before := r.now().Add(-eventLifetime).UnixMilli()
	for {
		var n int64
		err := r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			n, err = tx.DeleteEvents(ctx, before, sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

// recordImageAction writes the event of an image's push or deletion.
func recordImageAction(ctx context.Context, tx *store.Tx, n RepositoryName, actor string, now int64, a event.ImageAction) error {
	a.Result, a.Repository = event.Success, n.Name
	detail, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return tx.InsertEvent(ctx, store.Event{
		ID: newID(), Account: n.Registry.Account, Region: n.Registry.Region, Type: a.DetailType(),
		Resource: n.ARN(), Actor: actor, Detail: string(detail), At: now,
	})
}
