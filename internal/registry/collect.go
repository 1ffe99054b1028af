package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nifuda/nifuda/internal/store"
)

// Collection lets go of what nobody uses any more. Nothing is found by looking
// through what is stored: whatever may have made something unused has written
// that down, and a pass looks there. It takes deleted images and repositories
// apart when they cannot be restored any more, then links that no image refers
// to, then blobs that nothing links to, then their bytes.
//
// A pass consists of short transactions, each of them right by itself: it can
// end after any, by a crash too, and several nodes can be at it at once. Whoever
// takes a note away does so before looking, and whoever makes something unused
// writes the note in the same transaction, so that no note is lost. What was
// unused a moment ago and is used now is kept by a foreign key: the transaction
// fails, and its note is there for the next pass.

// A Collected is what a pass has freed.
type Collected struct {
	Images       int64 `json:"images"`       // deleted ones that can no longer be restored
	Repositories int64 `json:"repositories"` // likewise
	Links        int64 `json:"links"`        // of repositories to blobs
	Blobs        int64 `json:"blobs"`
	Files        int64 `json:"files"`   // of the blob store, removed
	Uploads      int64 `json:"uploads"` // abandoned ones
	Orphans      int64 `json:"orphans"` // files that nothing knew of, put into the trash
	Bytes        int64 `json:"bytes"`   // of blobs in the database, and of files removed
}

// Add adds what another pass has freed.
func (c *Collected) Add(other Collected) {
	c.Images += other.Images
	c.Repositories += other.Repositories
	c.Links += other.Links
	c.Blobs += other.Blobs
	c.Files += other.Files
	c.Uploads += other.Uploads
	c.Orphans += other.Orphans
	c.Bytes += other.Bytes
}

// pageRows is how many notes are read at a time.
const pageRows = 500

// A transaction handles at most this many notes. Each is a matter of a few dozen
// microseconds, and pushes wait for all of them on SQLite; on PostgreSQL two
// transactions that lock several rows could wait for each other.
const sqliteRows, postgresRows = 32, 1

func (r *Registry) rowsAtOnce() int {
	if r.store.Exclusive() {
		return sqliteRows
	}
	return postgresRows
}

// A pass is one run of the collector.
type pass struct {
	*Registry
	pace
	freed Collected
	stuck []error // of files that could not be removed
}

// CollectNow runs a pass and returns what it has freed, which is also so far
// when the pass ends with an error or the context. It sweeps uploads too, which
// the server otherwise does each hour.
func (r *Registry) CollectNow(ctx context.Context) (Collected, error) {
	p := &pass{Registry: r, pace: pace{busy: hurriedPause, requests: r.requests}}
	return r.collect(ctx, p, append(p.steps(), step{"sweep uploads", p.sweep}))
}

// collect runs the steps of a pass. Those that free something are remembered,
// and those that somebody waits for.
func (r *Registry) collect(ctx context.Context, p *pass, steps []step) (Collected, error) {
	start := r.now()
	begin := time.Now()
	err := p.run(ctx, steps)
	took := time.Since(begin)
	r.collectMetrics.observe(p.freed, err, start)
	saved := r.saveCollection(context.WithoutCancel(ctx), Pass{At: start, Took: took, Collected: p.freed})
	return p.freed, errors.Join(err, saved)
}

type step struct {
	doing string
	do    func(context.Context) error
}

// steps are in the order in which each one finds what the one before has left.
func (p *pass) steps() []step {
	return []step{
		{"forget deleted images", p.purgeImages},
		{"take deleted repositories apart", p.purgeRepositories},
		{"collect links", p.collectLinks},
		{"collect blobs", p.collectBlobs},
		{"empty the trash", p.emptyTrash},
		{"give space back", p.giveBack},
	}
}

// run goes on after a step that fails: on a full disk those before cannot write,
// and the trash is what makes space.
func (p *pass) run(ctx context.Context, steps []step) error {
	var errs []error
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.doing, err))
			if ctx.Err() != nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (p *pass) sweep(ctx context.Context) (err error) {
	p.freed.Uploads, err = p.sweepUploads(ctx)
	return err
}

// Free space in the database's file is kept up to an eighth of it, for it will be
// filled again, but for no more. Given back it is in small steps.
const (
	keptFree   = 8
	leastFree  = 1 << 20 // bytes
	giveAtOnce = 256 << 10
)

// giveBack makes the database's file smaller.
func (p *pass) giveBack(ctx context.Context) error {
	gave := false
	for {
		space, err := p.store.Space(ctx)
		if err != nil {
			return err
		}
		if space.Free <= max(leastFree, space.Size/keptFree) {
			break
		}
		start := time.Now()
		possible, err := p.store.GiveBack(ctx, giveAtOnce)
		if err != nil {
			return err
		}
		if !possible {
			break
		}
		gave = true
		if err := p.rest(ctx, time.Since(start)); err != nil {
			return err
		}
	}
	if !gave {
		return nil
	}
	return p.store.Settle(ctx)
}

// inTurn handles all of a list that grows and shrinks, page by page and a few in
// each transaction.
func inTurn[T any](ctx context.Context, p *pass, page func(ctx context.Context, limit int) ([]T, error), handle func(ctx context.Context, some []T) error) error {
	rows := p.rowsAtOnce()
	for {
		all, err := page(ctx, pageRows)
		if err != nil {
			return err
		}
		for begin := 0; begin < len(all); begin += rows {
			start := time.Now()
			if err := handle(ctx, all[begin:min(begin+rows, len(all))]); err != nil {
				return err
			}
			if err := p.rest(ctx, time.Since(start)); err != nil {
				return err
			}
		}
		if len(all) < pageRows {
			return nil
		}
	}
}

// update runs a transaction that a push may be faster than: that is no error.
func (p *pass) update(ctx context.Context, d store.Durability, do func(context.Context, *store.Tx) error) (done bool, err error) {
	err = p.store.Update(ctx, d, do)
	if store.IsForeignKey(err) {
		return false, nil
	}
	return err == nil, err
}
