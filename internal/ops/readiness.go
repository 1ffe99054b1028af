package ops

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A readiness check that takes longer has failed.
	readyTimeout = 5 * time.Second
	// An answer is good for so long: however many load balancers ask, the database
	// and the blob store are asked twice a second.
	readyFor = 500 * time.Millisecond
)

// A Readiness says whether a process should be sent requests. It is safe for
// concurrent use.
type Readiness struct {
	check    func(context.Context) error
	log      *slog.Logger
	draining atomic.Bool

	mu     sync.Mutex
	latest *answered
}

// An answered is one check, and what came of it once done is closed.
type answered struct {
	done chan struct{}
	at   time.Time // of its end
	err  error
}

// NewReadiness returns a readiness that is there when check returns nil. Why it is
// not is said in the log alone.
func NewReadiness(check func(context.Context) error, log *slog.Logger) *Readiness {
	return &Readiness{check: check, log: log}
}

// Drain makes the answer no from now on.
func (r *Readiness) Drain() { r.draining.Store(true) }

// Draining reports whether Drain was called.
func (r *Readiness) Draining() bool { return r.draining.Load() }

var errDraining = errors.New("the server ends")

// ready returns nil when the process should be sent requests. Those who ask at
// the same time get the answer of one check.
func (r *Readiness) ready(ctx context.Context) error {
	if r.Draining() {
		return errDraining
	}
	a := r.ask()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask returns the latest check, or begins another one.
func (r *Readiness) ask() *answered {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.latest; a != nil && !a.isOld() {
		return a
	}
	a := &answered{done: make(chan struct{})}
	r.latest = a
	go r.answer(a)
	return a
}

// isOld reports whether a check ended too long ago.
func (a *answered) isOld() bool {
	select {
	case <-a.done:
		return time.Since(a.at) >= readyFor
	default:
		return false
	}
}

func (r *Readiness) answer(a *answered) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if a.err = r.check(ctx); a.err != nil {
		r.log.WarnContext(ctx, "not ready", "error", a.err)
	}
	a.at = time.Now()
	close(a.done)
}
