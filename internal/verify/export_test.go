package verify

import (
	"context"
	"time"
)

// The names of the works.
const (
	Scrubbing = scrubbing
	Verifying = verifying
)

// Work goes on with a work now, if it is due.
func (v *Verifier) Work(ctx context.Context, name string) error { return v.work(ctx, name) }

// HolderOf returns who is at a work, and in which step.
func (v *Verifier) HolderOf(ctx context.Context, name string) (holder string, running bool, err error) {
	s, err := v.look(ctx, name)
	if err != nil {
		return "", false, err
	}
	return s.Holder, s.Running, nil
}

// SetSaveInterval changes how often a pass keeps how far it is, until the
// returned function is called.
func SetSaveInterval(d time.Duration) (restore func()) {
	before := saveInterval
	saveInterval = d
	return func() { saveInterval = before }
}

// A Pace keeps a reader to a rate.
type Pace = pace

// NewPace returns a pace.
func NewPace(rate int64) *Pace { return newPace(rate) }

// Spend waits as long as reading so many bytes may take.
func (p *pace) Spend(ctx context.Context, bytes int64) error { return p.spend(ctx, bytes) }
