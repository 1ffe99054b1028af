package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// Blobs that were stored while sealing was off are sealed in the background when
// it is on: those in the database where they are, the others to another location.
const (
	resealBatch = 100
	// sealRate is how many bytes are sealed, or rewrapped, in a second.
	sealRate = 32 << 20
	// sealInterval is how often it is looked whether there is something to do.
	sealInterval = time.Minute
)

// SealingCounts are what the background work has done since the start.
type SealingCounts struct {
	Resealed  int64 // blobs
	Bytes     int64 // of those
	Rewrapped int64 // data keys
}

type sealingCounts struct{ resealed, bytes, rewrapped atomic.Int64 }

// SealingCounts returns what the background work has done since the start.
func (r *Registry) SealingCounts() SealingCounts {
	return SealingCounts{r.sealed.resealed.Load(), r.sealed.bytes.Load(), r.sealed.rewrapped.Load()}
}

// RunSealing does what is to be done in the background after sealing was switched
// on or a key was rotated, until ctx is done.
func (r *Registry) RunSealing(ctx context.Context) {
	if r.sealing == nil {
		return
	}
	again := time.NewTicker(sealInterval)
	defer again.Stop()
	rotated, stop := r.store.Listen(sealingTopic)
	defer stop()
	for {
		r.report(ctx, "rewrap data keys", ignoreEnd(ctx, r.Rewrap(ctx)))
		r.report(ctx, "seal blobs", ignoreEnd(ctx, r.Reseal(ctx)))
		select {
		case <-again.C:
		case <-rotated:
		case <-ctx.Done():
			return
		}
	}
}

// ignoreEnd drops the errors of a work that was told to end.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// pace waits as long as so many bytes may take.
func (r *Registry) pace(ctx context.Context, bytes int64) error {
	timer := time.NewTimer(time.Duration(float64(bytes) / sealRate * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reseal seals all blobs that are not sealed, if new ones are. What it cannot
// read it leaves for verify to tell.
func (r *Registry) Reseal(ctx context.Context) error {
	if r.sealing == nil || !r.sealing.Seals() {
		return nil
	}
	sealed, after := 0, ""
	for {
		ids, err := r.store.UnsealedBlobs(ctx, after, resealBatch)
		if err != nil {
			return fmt.Errorf("find unsealed blobs: %w", err)
		}
		if len(ids) == 0 {
			break
		}
		for _, id := range ids {
			size, err := r.reseal(ctx, id)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.log.ErrorContext(ctx, "a blob was not sealed", "blob", id, "error", err)
				continue
			}
			sealed++
			if err := r.pace(ctx, size); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
	if sealed > 0 {
		r.log.InfoContext(ctx, "blobs were sealed that were stored before sealing was on", "blobs", sealed)
	}
	return nil
}

// reseal seals one blob, unless it has changed or gone meanwhile, and returns its
// size.
func (r *Registry) reseal(ctx context.Context, id string) (size int64, err error) {
	b, err := r.store.StoredBlob(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (b.Sealing != nil || b.Domain != "" || b.Damaged) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read blob: %w", err)
	}
	var done bool
	if b.Location == "" {
		done, err = r.resealContent(ctx, b.Blob)
	} else {
		done, err = r.resealFile(ctx, b.Blob)
	}
	if err != nil || !done {
		return 0, err
	}
	r.sealed.resealed.Add(1)
	r.sealed.bytes.Add(b.Size)
	return b.Size, nil
}

func (r *Registry) resealContent(ctx context.Context, b store.Blob) (done bool, err error) {
	d := digest.Digest(b.Digest)
	if d.Validate() != nil || d.Algorithm().FromBytes(b.Content) != d {
		return false, fmt.Errorf("%s: its bytes have another digest", b.Digest)
	}
	key, err := r.keys.New(ctx, Keeper{})
	if err != nil || key == nil {
		return false, err
	}
	content, err := key.Seal(b.Content)
	if err != nil {
		return false, err
	}
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		done, err = tx.SealContent(ctx, b.ID, content, key.Wrapped)
		return err
	})
	return done, err
}

// resealFile copies the blob to another location. Its row moves there in a commit
// that survives a power cut: the bytes at the old one are gone soon.
func (r *Registry) resealFile(ctx context.Context, b store.Blob) (done bool, err error) {
	location, sealing, err := r.sealedCopy(ctx, b)
	if err != nil || location == "" {
		return false, err
	}
	err = r.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		done, err = tx.SealLocation(ctx, b.ID, b.Location, string(location), sealing, r.millis())
		return err
	})
	if err == nil && !done { // it was deleted, or is elsewhere by now
		r.removeUnused(context.WithoutCancel(ctx), location)
	}
	return done, err // after an error the row may be there
}

// sealedCopy returns no location when the bytes are not where they were.
func (r *Registry) sealedCopy(ctx context.Context, b store.Blob) (location blob.Location, sealing []byte, err error) {
	key, err := r.keys.New(ctx, Keeper{})
	if err != nil || key == nil {
		return "", nil, err
	}
	if r.room != nil {
		if err := r.room(b.Size); err != nil {
			return "", nil, err
		}
	}
	source, err := r.blobs.Open(ctx, blob.Location(b.Location), nil, b.Size)
	if errors.Is(err, blob.ErrNotFound) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer source.Close()
	w, err := r.blobs.Create(ctx, key)
	if err != nil {
		return "", nil, err
	}
	if err := copyInSteps(ctx, w, source); err != nil {
		return "", nil, errors.Join(err, w.Abort(ctx))
	}
	location, _, err = w.Commit(ctx, digest.Digest(b.Digest))
	return location, key.Wrapped, err
}

// copyInSteps copies in steps, so that it ends with its context.
func copyInSteps(ctx context.Context, w io.Writer, source io.Reader) error {
	const step = 4 << 20
	for {
		n, err := io.Copy(w, io.LimitReader(source, step))
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil || n < step {
			return err
		}
	}
}
