package registry

import (
	"context"
	"time"
)

// Work in the background waits after each step, so many times as long as the
// step took: little when nobody asks anything of the server, long when somebody
// does. A step that took long because others were at work makes it wait longer.
const (
	idlePause    = 1
	busyPause    = 19
	hurriedPause = 3 // where somebody waits for the work
	longestPause = time.Second
)

// A pace is how much background work rests.
type pace struct {
	idle, busy int          // times as long as the step
	requests   func() int64 // that have come so far; nil is not known
	seen       int64
}

// rest waits after a step that took so long, or until ctx is done.
func (p *pace) rest(ctx context.Context, took time.Duration) error {
	times := p.idle
	if p.requests != nil {
		now := p.requests()
		if now != p.seen {
			times = p.busy
		}
		p.seen = now
	}
	if times == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(min(time.Duration(times)*took, longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
