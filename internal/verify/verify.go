// Package verify reads everything that is stored, and says what is not as it was
// put there: blobs against their digests, manifests against theirs and against
// the rows that were made of them, tags against their history, links and files
// against each other.
//
// It reads at a limited rate, a row at a time, beside everything that changes
// meanwhile: what looks wrong is looked at again before it is reported. By
// itself it changes nothing. A [Verifier] is what a server runs always; [Run]
// reads once, where no server runs.
package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// Keys open the keys that blobs are sealed with. [registry.DataKeys] are.
type Keys interface {
	// Open returns the key that a blob was sealed with, from its wrapped form. An
	// [*registry.Error] says that it cannot be had now.
	Open(ctx context.Context, k registry.Keeper, wrapped []byte) (*seal.Key, error)
}

// Options say what is read, and how.
type Options struct {
	Store *store.Store
	Blobs blob.Store
	Keys  Keys // nil opens none
	// Rate is how many bytes are read in a second; 0 is as many as can be.
	Rate int64
	// Mark marks damaged blobs, so that a pull of one fails clearly and a push of
	// it heals, and takes the mark from those that are whole.
	Mark bool
	// Repair mends what can be mended from what is there.
	Repair bool
	// Grace is how long a blob that no image refers to is kept.
	Grace time.Duration
	// Progress, if there is one, is told every few seconds how far it is.
	Progress func(Report)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log takes what is found to be damaged; nil drops it.
	Log *slog.Logger
}

func (o *Options) complete() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Run reads everything once and returns what it found. With an error, which is
// what kept it from reading on, it returns what it found until then.
func Run(ctx context.Context, o Options) (Report, error) {
	o.complete()
	var at position
	var found Report
	p := &pass{Options: o, at: &at, found: &found, pace: newPace(o.Rate), saved: time.Now()}
	p.save = func(context.Context) error {
		if o.Progress != nil {
			o.Progress(found.clone())
		}
		return nil
	}
	err := p.run(ctx)
	return found, err
}

// A position is how far a pass has come.
type position struct {
	Step  int
	After store.HistoryKey
}

// A pass is one reading of everything, or the rest of one.
type pass struct {
	Options
	at    *position
	found *Report
	pace  *pace
	meter *meter // nil measures nothing

	save  func(ctx context.Context) error // keeps at and found
	saved time.Time
}

// How often a pass keeps how far it is.
var saveInterval = 5 * time.Second

// pageSize is how many rows are listed at once.
const pageSize = 200

// A step is a part of a pass: read reads its next page and reports whether
// there are more.
type step struct {
	name string
	read func(p *pass, ctx context.Context) (more bool, err error)
}

// Positions in progress count these: new ones come last.
var steps = []step{
	{"database", (*pass).readDatabase},
	{"blobs", (*pass).readBlobs},
	{"blobs without a link", (*pass).readForgottenBlobs},
	{"links", (*pass).readLinks},
	{"manifests", (*pass).readManifests},
	{"tags", (*pass).readTags},
	{"history of tags", (*pass).readHistory},
	{"deleted images", (*pass).readDeletions},
	{"files", (*pass).readFiles},
}

func (p *pass) run(ctx context.Context) error {
	for ; p.at.Step < len(steps); p.at.Step, p.at.After = p.at.Step+1, (store.HistoryKey{}) {
		for more := true; more; {
			var err error
			if more, err = steps[p.at.Step].read(p, ctx); err != nil {
				return fmt.Errorf("verify %s: %w", steps[p.at.Step].name, err)
			}
			if err := p.keep(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep keeps how far the pass is, now and then.
func (p *pass) keep(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if time.Since(p.saved) < saveInterval {
		return nil
	}
	p.saved = time.Now()
	return p.save(ctx)
}

// rowCost is what a row without bytes of its own counts against the rate.
const rowCost = 256

// spend waits until so many bytes may be read.
func (p *pass) spend(ctx context.Context, bytes int64) error {
	p.found.Bytes += bytes
	p.meter.read(bytes)
	if err := p.pace.spend(ctx, bytes); err != nil {
		return err
	}
	return p.keep(ctx)
}

// gone reports whether a repository is no more, or is being taken apart, so that
// nothing in it needs to fit together.
func (p *pass) gone(ctx context.Context, repositoryID string) (bool, error) {
	r, err := p.Store.RepositoryByID(ctx, repositoryID)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return r.Purging, err
}

// place names a repository, and what in it is meant.
func (p *pass) place(ctx context.Context, repositoryID, image, tag string) (Place, error) {
	r, err := p.Store.RepositoryByID(ctx, repositoryID)
	if errors.Is(err, store.ErrNotFound) {
		return Place{Repository: "(a repository that is gone)", Image: image, Tag: tag}, nil
	}
	if err != nil {
		return Place{}, err
	}
	id := registry.ID{Account: r.Account, Region: r.Region}
	return Place{Repository: id.ARN(r.Name), Image: image, Tag: tag, Deleted: r.Deleted}, nil
}

// report adds a finding, and tells the log of damage.
func (p *pass) report(ctx context.Context, f Finding) {
	if !p.found.add(f) {
		return
	}
	if f.Kind.Damage() && !f.known {
		p.Log.ErrorContext(ctx, "stored data is damaged", "kind", string(f.Kind), "problem", f.Problem,
			"digest", f.Digest, "where", f.Where(), "repaired", f.Repaired)
	}
}
