package verify

import (
	"context"
	"time"
)

// A pace keeps a reader to a rate. It makes up for no more than a moment of
// rest.
type pace struct {
	rate int64     // bytes in a second; 0 has no limit
	due  time.Time // when what was spent so far is paid
}

// rest is how long it takes until a pause is worth it, and how much of a rest is
// made up for.
const rest = 20 * time.Millisecond

func newPace(rate int64) *pace { return &pace{rate: rate} }

// spend waits as long as reading so many bytes may take.
func (p *pace) spend(ctx context.Context, bytes int64) error {
	if p.rate == 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.due.Before(now.Add(-rest)) {
		p.due = now.Add(-rest)
	}
	p.due = p.due.Add(time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second)))
	if p.due.Sub(now) < rest {
		return ctx.Err()
	}
	wait := time.NewTimer(p.due.Sub(now))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
