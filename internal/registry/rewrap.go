package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// Rewrapping gives every data key of the server's to the current key of the ring,
// after a rotation. No blob is touched, only its wrapped key, in the order of the
// blobs' ids. An upload that was under way when the key was rotated becomes a
// blob later, with a key that the old one wrapped: so the blobs since the
// rotation are looked at once more, when no such upload can be left.
const (
	rewrapWork  = "rewrap"
	rewrapBatch = 100
	// rewrapSettled is when no upload is left from before; the clocks of several
	// nodes may differ by rewrapSkew.
	rewrapSettled = uploadLifetime + rewrapSkew
	rewrapSkew    = time.Hour
	rewrapRetry   = 24 * time.Hour
)

// A rewrapping is how far that has come.
type rewrapping struct {
	Key   string // the id of the current key that it is for
	Began int64  // Unix milliseconds
	After string // the id of the last blob that was looked at
	Again bool   // the second look has begun
	Done  bool
	// Failed is how many data keys could not be opened; they are tried again
	// after rewrapRetry.
	Failed int
}

// readRewrapping returns how far it has come, and how that is stored.
func (r *Registry) readRewrapping(ctx context.Context) (work rewrapping, stored string, err error) {
	stored, at, err := r.store.Progress(ctx, rewrapWork)
	if errors.Is(err, store.ErrNotFound) {
		return rewrapping{}, "", nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(stored), &work)
	}
	if err != nil {
		return rewrapping{}, "", fmt.Errorf("read progress of rewrapping: %w", err)
	}
	if work.Done && work.Failed > 0 && r.millis()-at >= rewrapRetry.Milliseconds() {
		work = rewrapping{Key: work.Key, Began: work.Began}
	}
	return work, stored, nil
}

// Rewrap wraps what an older key has wrapped, as far as there is something to do
// now. It goes on where it, or another node, has left off.
func (r *Registry) Rewrap(ctx context.Context) error {
	if r.sealing == nil {
		return nil
	}
	for {
		more, err := r.rewrapSome(ctx)
		if err != nil || !more {
			return err
		}
		if err := r.pace(ctx, rewrapBatch*rewrapCost); err != nil {
			return err
		}
	}
}

// rewrapCost is what the key of a blob counts, in bytes, beside the blobs that
// are sealed at the same rate: as much as a small blob, whose row it is in.
const rewrapCost = 16 << 10

// rewrapSome does a batch, and reports whether there is another one to do now.
func (r *Registry) rewrapSome(ctx context.Context) (more bool, err error) {
	work, stored, err := r.readRewrapping(ctx)
	if err != nil {
		return false, err
	}
	before := work
	now := r.millis()
	if current := r.sealing.IDs()[0]; work.Key != current {
		work = rewrapping{Key: current, Began: now}
	}
	settled := now-work.Began >= rewrapSettled.Milliseconds()
	if work.Done {
		return false, nil
	}
	rows, err := r.store.ServerSealings(ctx, work.After, rewrapBatch)
	if err != nil {
		return false, fmt.Errorf("read data keys: %w", err)
	}
	switch {
	case len(rows) > 0:
		work.After = rows[len(rows)-1].ID
	case work.Again:
		// A ring that is not the server's to change loses keys without Retire.
		if err := r.sealing.RewrapRest(ctx); err != nil {
			return false, fmt.Errorf("rewrap keys: %w", err)
		}
		work.Done = true
	case settled:
		work.Again, work.After = true, idBefore(time.UnixMilli(work.Began).Add(-rewrapSkew))
	}
	if work == before {
		return false, nil // it waits for uploads
	}
	if err := r.rewrapRows(ctx, rows, work, stored); err != nil {
		return false, fmt.Errorf("rewrap data keys: %w", err)
	}
	return !work.Done, nil
}

// rewrapRows changes the rows together with the progress, or neither when another
// node was faster.
func (r *Registry) rewrapRows(ctx context.Context, rows []store.BlobSealing, work rewrapping, stored string) error {
	again := make([][]byte, len(rows))
	for i, row := range rows {
		var err error
		if again[i], err = r.sealing.Rewrap(ctx, row.Sealing); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// It is damaged, or a key is missing, and must not keep the others.
			r.log.ErrorContext(ctx, "the data key of a blob cannot be wrapped anew", "blob", row.ID, "error", err)
			work.Failed++
		}
	}
	state, err := json.Marshal(work)
	if err != nil {
		return err
	}
	changed := 0
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		changed = 0
		mine, err := tx.Advance(ctx, rewrapWork, stored, string(state), r.millis())
		if err != nil || !mine {
			return err
		}
		for i, row := range rows {
			if again[i] == nil {
				continue
			}
			// One that was changed meanwhile has a newer key anyway.
			if ok, err := tx.Rewrap(ctx, row.ID, row.Sealing, again[i]); err != nil {
				return err
			} else if ok {
				changed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.sealed.rewrapped.Add(int64(changed))
	if work.Done && work.Failed == 0 && len(r.sealing.IDs()) > 1 {
		r.log.InfoContext(ctx, "everything is wrapped with the current sealing key; the others can be retired", "key", work.Key)
	}
	return nil
}

// wrapAnew gives the data key of an upload that ends to the current key of the
// ring: an upload lives for as long as something comes of it, and may have begun
// before a key that is retired by the time when its blob is read.
func (r *Registry) wrapAnew(ctx context.Context, keeper Keeper, rc *receiver) error {
	if r.sealing == nil || rc.key == nil || !keeper.isServer() {
		return nil
	}
	wrapped, err := r.sealing.Rewrap(ctx, rc.key.Wrapped)
	if err != nil {
		return fmt.Errorf("wrap the data key of an upload anew: %w", err)
	}
	if wrapped != nil {
		rc.key = &seal.Key{Secrets: rc.key.Secrets, Wrapped: wrapped}
	}
	return nil
}

// idBefore is less than every id made from a time on.
func idBefore(at time.Time) string {
	var id uuid.UUID
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id.String()
}
