package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// The collector looks for something to do this often. Of shorter grace periods
// it is a part, so that what they let go of is gone soon.
const (
	mostOftenCollected  = time.Second
	leastOftenCollected = time.Minute
	gracePart           = 100
)

func (r *Registry) collectionInterval() time.Duration {
	return min(max(r.grace/gracePart, mostOftenCollected), leastOftenCollected)
}

// The topics of notices.
const (
	collectionTopic = "collection" // something was deleted that nobody can restore
	sealingTopic    = "sealing"    // a key was rotated
)

// wantCollection has the collector look, on whatever node it runs, when the
// transaction is committed, which deletes something: if nobody can restore it.
func (r *Registry) wantCollection(ctx context.Context, tx *store.Tx) error {
	if r.window > 0 {
		return nil
	}
	return tx.Notify(ctx, collectionTopic)
}

// RunCollector runs a pass whenever one has something to do, and looks for
// orphans each week, until ctx is done. One process of a database needs to.
func (r *Registry) RunCollector(ctx context.Context) {
	tick := time.NewTicker(r.collectionInterval())
	defer tick.Stop()
	wanted, stop := r.store.Listen(collectionTopic)
	defer stop()
	for {
		select {
		case <-tick.C:
			r.report(ctx, "look for orphans", ignoreEnd(ctx, r.sweepOrphansWeekly(ctx)))
		case <-wanted:
		case <-ctx.Done():
			return
		}
		if err := r.collectWhatIsDue(ctx); err != nil && ctx.Err() == nil {
			r.report(ctx, "collect", err)
		}
	}
}

func (r *Registry) collectWhatIsDue(ctx context.Context) error {
	due, err := r.collectionDue(ctx)
	if err != nil || !due {
		return err
	}
	p := &pass{Registry: r, pace: pace{idle: idlePause, busy: busyPause, requests: r.requests}}
	start := time.Now()
	c, err := r.collect(ctx, p, p.steps())
	if c != (Collected{}) {
		r.log.InfoContext(ctx, "collected", append(c.attributes(), "took", time.Since(start))...)
	}
	return err
}

// attributes are what is not zero, for the log.
func (c Collected) attributes() (all []any) {
	for _, one := range []struct {
		name  string
		count int64
	}{
		{"images", c.Images},
		{"repositories", c.Repositories},
		{"links", c.Links},
		{"blobs", c.Blobs},
		{"files", c.Files},
		{"uploads", c.Uploads},
		{"orphans", c.Orphans},
		{"bytes", c.Bytes},
	} {
		if one.count > 0 {
			all = append(all, slog.Int64(one.name, one.count))
		}
	}
	return all
}

// collectionDue reports whether a pass would find anything, for the price of a
// few reads.
func (r *Registry) collectionDue(ctx context.Context) (bool, error) {
	now := r.millis()
	links, err := r.store.LinkChecks(ctx, now, store.FirstLinkCheck, 1)
	if err != nil {
		return false, err
	}
	r.collectMetrics.waited(now, links)
	blobs, errBlobs := r.store.BlobChecks(ctx, "", 1)
	trash, errTrash := r.store.DueTrash(ctx, now, store.Trash{}, 1)
	images, errImages := r.store.ExpiredDeletions(ctx, r.restorableSince(), 1)
	repositories, errRepositories := r.store.RepositoriesToPurge(ctx, r.restorableSince(), 1)
	return len(links)+len(blobs)+len(trash)+len(images)+len(repositories) > 0,
		errors.Join(errBlobs, errTrash, errImages, errRepositories)
}

// The names of what the collector remembers.
const (
	workCollection = "collection"
	workOrphans    = "orphans"
)

// sweepOrphansWeekly is SweepOrphans when the last one was long ago, on
// whichever node comes first. One that a crash ends is not begun again before
// the next is due: nothing gets worse by waiting.
func (r *Registry) sweepOrphansWeekly(ctx context.Context) error {
	state, at, err := r.store.Progress(ctx, workOrphans)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	now := r.now()
	if err == nil && now.UnixMilli()-at < orphanInterval.Milliseconds() {
		return nil
	}
	var mine bool
	err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
		mine, err = tx.Advance(ctx, workOrphans, state, fmt.Sprintf(`{"begun":%d}`, now.UnixMilli()), now.UnixMilli())
		return err
	})
	if err != nil || !mine {
		return err
	}
	begin := time.Now()
	found, err := r.SweepOrphans(ctx)
	if found == 0 {
		return err
	}
	r.log.InfoContext(ctx, "files in the blob store belonged to nothing and will be removed", "orphans", found)
	c := Collected{Orphans: found}
	r.collectMetrics.observe(c, nil, now)
	return errors.Join(err, r.saveCollection(ctx, Pass{At: now, Took: time.Since(begin), Collected: c}))
}

// A Pass is what is remembered of a run of the collector.
type Pass struct {
	At   time.Time
	Took time.Duration
	Collected
}

// A Collection is what there is to know of the collector.
type Collection struct {
	Grace, Window, TrashDelay time.Duration
	Last                      Pass      // that freed something; At is zero before the first
	Total                     Collected // since the beginning
	Waiting                   Waiting
}

// Waiting is what has yet to be collected, see [store.Waiting].
type Waiting store.Waiting

// savedCollection is the state of the collection in the database.
type savedCollection struct {
	At    int64     `json:"at"`   // Unix milliseconds
	Took  int64     `json:"took"` // milliseconds
	Last  Collected `json:"last"`
	Total Collected `json:"total"`
}

// countedWaiting is up to how many of a kind of waiting things are counted, those
// that are to be sealed too.
const countedWaiting = 100_000

// Collection returns what was collected and what waits to be.
func (r *Registry) Collection(ctx context.Context) (Collection, error) {
	c := Collection{Grace: r.grace, Window: r.window, TrashDelay: r.trashDelay()}
	_, saved, err := r.savedCollection(ctx)
	if err != nil {
		return Collection{}, err
	}
	if saved.At != 0 {
		c.Last = Pass{At: time.UnixMilli(saved.At), Took: time.Duration(saved.Took) * time.Millisecond, Collected: saved.Last}
	}
	c.Total = saved.Total
	waiting, err := r.store.Waiting(ctx, r.millis(), countedWaiting)
	if err != nil {
		return Collection{}, fmt.Errorf("count what waits: %w", err)
	}
	c.Waiting = Waiting(waiting)
	return c, nil
}

func (r *Registry) savedCollection(ctx context.Context) (state string, saved savedCollection, err error) {
	state, _, err = r.store.Progress(ctx, workCollection)
	if errors.Is(err, store.ErrNotFound) {
		return "", savedCollection{}, nil
	}
	if err != nil {
		return "", savedCollection{}, fmt.Errorf("read what was collected: %w", err)
	}
	if err := json.Unmarshal([]byte(state), &saved); err != nil {
		return "", savedCollection{}, fmt.Errorf("decode what was collected: %w", err)
	}
	return state, saved, nil
}

// saveCollection adds a pass that has freed something to what is remembered.
func (r *Registry) saveCollection(ctx context.Context, p Pass) error {
	if p.Collected == (Collected{}) {
		return nil
	}
	for {
		before, saved, err := r.savedCollection(ctx)
		if err != nil {
			return err
		}
		saved.At, saved.Took, saved.Last = p.At.UnixMilli(), p.Took.Milliseconds(), p.Collected
		saved.Total.Add(p.Collected)
		state, err := json.Marshal(saved)
		if err != nil {
			return fmt.Errorf("encode what was collected: %w", err)
		}
		var done bool
		err = r.store.Update(ctx, store.CrashSafe, func(ctx context.Context, tx *store.Tx) (err error) {
			done, err = tx.Advance(ctx, workCollection, before, string(state), r.millis())
			return err
		})
		if err != nil || done {
			return err
		}
	}
}
