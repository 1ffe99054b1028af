package registry

import (
	"context"
	"errors"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// Bytes stay for a while after their blob is forgotten: whoever was told of their
// place just before opens them still.
const trashTime = 15 * time.Minute

// trashDelay is how long bytes stay in the trash.
func (r *Registry) trashDelay() time.Duration { return min(trashTime, r.grace) }

// emptyTrash removes bytes whose time has come. One process does at a time, and
// none while a backup copies them.
func (p *pass) emptyTrash(ctx context.Context) (err error) {
	after, due := store.Trash{}, p.millis()
	page := func(ctx context.Context, limit int) (all []store.Trash, err error) {
		all, err = p.store.DueTrash(ctx, due, after, limit)
		if len(all) > 0 {
			after = all[len(all)-1]
		}
		return all, err
	}
	return inTurn(ctx, p, page, p.removeTrash)
}

func (p *pass) removeTrash(ctx context.Context, some []store.Trash) (err error) {
	release, claimed, err := p.store.ClaimTrash(ctx)
	if err != nil || !claimed {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	used, err := p.locationsOfBlobs(ctx, some)
	if err != nil {
		return err
	}
	for _, t := range some {
		if used[t.Location] {
			continue // it was taken for an orphan while its upload ended
		}
		if err := p.blobs.Remove(ctx, blob.Location(t.Location)); err != nil {
			return err
		}
		p.freed.Files++
		p.freed.Bytes += t.Size
	}
	return p.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		for _, t := range some {
			if err := tx.ForgetTrash(ctx, t.Location); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Registry) locationsOfBlobs(ctx context.Context, some []store.Trash) (map[string]bool, error) {
	locations := make([]string, len(some))
	for i, t := range some {
		locations[i] = t.Location
	}
	found, err := r.store.LocationsOfBlobs(ctx, locations)
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool, len(found))
	for _, location := range found {
		used[location] = true
	}
	return used, nil
}

const (
	// orphanAge is how old files are that can be orphans. An upload takes less
	// from its last byte to its row, but for one that a server finds at its start.
	orphanAge = 24 * time.Hour
	// orphanDelay is the time between the listing and the removal, in which the
	// row of such an upload would come.
	orphanDelay = time.Hour
	// orphanInterval is the time between two listings.
	orphanInterval = 7 * 24 * time.Hour
)

// SweepOrphans goes through the blob store and puts what nothing knows of into
// the trash: what a crash between the bytes and their row has left, or a
// removal that failed. It returns how many files those were.
func (r *Registry) SweepOrphans(ctx context.Context) (int64, error) {
	s := &orphanSweep{Registry: r, pace: pace{idle: idlePause, busy: busyPause, requests: r.requests}, before: r.now().Add(-orphanAge)}
	err := r.blobs.Walk(ctx, func(o blob.Object) error { return s.visit(ctx, o) })
	if err == nil {
		err = s.flush(ctx)
	}
	return s.found, err
}

// An orphanSweep is one walk through the blob store.
type orphanSweep struct {
	*Registry
	pace
	before time.Time
	batch  []store.Trash
	found  int64
}

func (s *orphanSweep) visit(ctx context.Context, o blob.Object) error {
	if !o.ModTime.Before(s.before) {
		return nil
	}
	s.batch = append(s.batch, store.Trash{Location: string(o.Location), Size: o.Size, DeleteAfter: s.now().Add(orphanDelay).UnixMilli()})
	if len(s.batch) < orphanBatch {
		return nil
	}
	return s.flush(ctx)
}

// orphanBatch is how many files are looked up at a time.
const orphanBatch = 200

// flush puts those of the batch into the trash that nothing knows of. What is in
// the trash already stays as it is.
func (s *orphanSweep) flush(ctx context.Context) error {
	start := time.Now()
	used, err := s.locationsOfBlobs(ctx, s.batch)
	if err != nil {
		return err
	}
	var orphans []store.Trash
	for _, t := range s.batch {
		if !used[t.Location] {
			orphans = append(orphans, t)
		}
	}
	s.batch = s.batch[:0]
	if orphans != nil {
		var added int64
		err := s.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			added = 0
			for _, t := range orphans {
				isNew, err := tx.PutTrash(ctx, t)
				if err != nil {
					return err
				}
				if isNew {
					added++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.found += added
	}
	return s.rest(ctx, time.Since(start))
}
