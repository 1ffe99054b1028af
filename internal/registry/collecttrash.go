package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/store"
)

// Bytes stay for a while after their blob is forgotten: whoever was told of their
// place just before opens them still.
const trashTime = 15 * time.Minute

// trashDelay is how long bytes stay in the trash. Addresses of them that were
// given out are good for less.
func (r *Registry) trashDelay() time.Duration {
	if r.redirects {
		return trashTime
	}
	return min(trashTime, r.grace)
}

// emptyTrash removes bytes whose time has come, and none while a backup copies
// them.
func (p *pass) emptyTrash(ctx context.Context) (err error) {
	after, due := store.Trash{}, p.millis()
	page := func(ctx context.Context, limit int) (all []store.Trash, err error) {
		all, err = p.store.DueTrash(ctx, due, after, limit)
		if len(all) > 0 {
			after = all[len(all)-1]
		}
		return all, err
	}
	if err := inTurn(ctx, p, page, p.removeTrash); err != nil {
		return err
	}
	return errors.Join(p.stuck...)
}

// stuckFiles is how many files a pass leaves that cannot be removed, for a broken
// part of a disk keeps no others, before it takes the whole disk for broken.
const stuckFiles = 100

func (p *pass) removeTrash(ctx context.Context, some []store.Trash) (err error) {
	// A power cut must not undo what made them trash and leave them removed. On a
	// full disk that cannot be ruled out, and something has to make space.
	err = p.store.Update(ctx, store.PowerSafe, func(context.Context, *store.Tx) error { return nil })
	if err != nil && !store.IsFull(err) {
		return err
	}
	used, err := p.store.LocationsOfBlobs(ctx, locationsOf(some))
	if err != nil {
		return err
	}
	// In this order: a backup that begins after the claim finds used nothing that
	// goes, even if this node stands still before it goes.
	release, claimed, err := p.store.ClaimTrash(ctx)
	if err != nil || !claimed {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	gone := make([]string, 0, len(some))
	for _, t := range some {
		if err := p.removeFile(ctx, t, slices.Contains(used, t.Location)); err != nil {
			if p.stuck = append(p.stuck, err); len(p.stuck) > stuckFiles || ctx.Err() != nil {
				return errors.Join(p.stuck...)
			}
			continue
		}
		gone = append(gone, t.Location)
	}
	return p.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		for _, location := range gone {
			if err := tx.ForgetTrash(ctx, location); err != nil {
				return err
			}
		}
		return nil
	})
}

// removeFile removes bytes, unless they are used: then they were taken for an
// orphan while their upload ended.
func (p *pass) removeFile(ctx context.Context, t store.Trash, used bool) error {
	if used {
		return nil
	}
	if err := p.blobs.Remove(ctx, blob.Location(t.Location)); err != nil {
		return err
	}
	p.freed.Files++
	p.freed.Bytes += t.Size
	return nil
}

func locationsOf(some []store.Trash) []string {
	locations := make([]string, len(some))
	for i, t := range some {
		locations[i] = t.Location
	}
	return locations
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
	if err := s.walk(ctx, s.count); err != nil {
		return 0, err
	}
	if s.unknown > s.known {
		return 0, fmt.Errorf("of the old files in the blob store, this database knows %d and does not know %d: it seems to be of another database, and nothing is removed", s.known, s.unknown)
	}
	err := s.walk(ctx, s.trash)
	return s.found, err
}

// An orphanSweep walks through the blob store twice: who has set up an empty
// database, or an old one, beside the blobs must not lose them.
type orphanSweep struct {
	*Registry
	pace
	before         time.Time
	known, unknown int   // old files of the first walk
	found          int64 // of the second
}

// walk hands out the old files, a batch at a time.
func (s *orphanSweep) walk(ctx context.Context, look func(context.Context, []store.Trash) error) error {
	batch := make([]store.Trash, 0, orphanBatch)
	flush := func() error {
		start := time.Now()
		if err := look(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
		return s.rest(ctx, time.Since(start))
	}
	err := s.blobs.Walk(ctx, func(o blob.Object) error {
		if !o.ModTime.Before(s.before) {
			return nil
		}
		batch = append(batch, store.Trash{Location: string(o.Location), Size: o.Size, DeleteAfter: s.now().Add(orphanDelay).UnixMilli()})
		if len(batch) < orphanBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// orphanBatch is how many files are looked up at a time.
const orphanBatch = 200

func (s *orphanSweep) count(ctx context.Context, batch []store.Trash) error {
	known, err := s.store.KnownLocations(ctx, locationsOf(batch))
	s.known += len(known)
	s.unknown += len(batch) - len(known)
	return err
}

// trash puts those of the batch into the trash that nothing knows of, not even
// the trash.
func (s *orphanSweep) trash(ctx context.Context, batch []store.Trash) error {
	known, err := s.store.KnownLocations(ctx, locationsOf(batch))
	if err != nil {
		return err
	}
	orphans := slices.DeleteFunc(batch, func(t store.Trash) bool { return slices.Contains(known, t.Location) })
	if len(orphans) == 0 {
		return nil
	}
	var added int64
	err = s.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
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
	if err == nil {
		s.found += added
	}
	return err
}
