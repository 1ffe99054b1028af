package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// cycle is the time from the start of one scrub to that of the next, if it
	// takes no longer.
	cycle = 24 * time.Hour
	// lookInterval is how often a process looks for work that others began or left.
	lookInterval = 10 * time.Second
	// failurePause is how long a scrub that failed rests.
	failurePause = time.Minute
	// DefaultRate is how many bytes a second a verification reads when neither its
	// caller nor the settings say it.
	DefaultRate = 4 << 20
)

// Refusals of a [Verifier].
var (
	// ErrRunning is that a verification runs already.
	ErrRunning = errors.New("a verification is running already")
	// ErrNotRunning is that none runs.
	ErrNotRunning = errors.New("no verification is running")
)

// A Verifier reads everything that is stored again and again at a low rate, the
// scrub, and besides when it is asked to. Of several processes on one database
// one is at a work at a time. What was read is not read again after a restart.
type Verifier struct {
	Options
	id     string
	meters map[string]*meter
	wake   chan struct{}
}

// New returns a verifier whose scrub reads at the rate of the options; 0 is no
// scrub. It marks what is damaged. [Verifier.Run] must run beside it.
func New(o Options, metrics prometheus.Registerer) *Verifier {
	o.complete()
	v := &Verifier{Options: o, id: uuid.NewString(), wake: make(chan struct{}, 1)}
	v.measure(metrics)
	return v
}

// Run is at the works until ctx is done.
func (v *Verifier) Run(ctx context.Context) {
	var works sync.WaitGroup
	works.Go(func() { v.loop(ctx, verifying, v.wake) })
	if v.Rate > 0 {
		works.Go(func() { v.loop(ctx, scrubbing, nil) })
	}
	works.Wait()
}

func (v *Verifier) loop(ctx context.Context, name string, wake <-chan struct{}) {
	for {
		pause := lookInterval
		if err := v.work(ctx, name); err != nil && ctx.Err() == nil {
			v.Log.ErrorContext(ctx, "reading what is stored failed", "work", name, "error", err)
			pause = failurePause
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-wake:
		case <-ctx.Done():
		}
		next.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// work goes on with a work, if it is due and nobody else is at it.
func (v *Verifier) work(ctx context.Context, name string) error {
	s, err := v.look(ctx, name)
	if err != nil {
		return err
	}
	if name == scrubbing && !s.Running && v.Now().Sub(timeOf(s.StartedAt)) >= cycle {
		s.begin(v.Rate, false)
	}
	if !s.Running || !s.mine() {
		return nil
	}
	o := v.Options
	o.Mark = name == scrubbing || s.Repair
	if name == scrubbing {
		s.Rate = v.Rate // which may have been set anew
	}
	err = s.run(ctx, o)
	if errors.Is(err, errTaken) {
		return nil
	}
	if err == nil && !s.Running {
		v.Log.InfoContext(ctx, "everything stored was read", "work", name, "blobs", s.Report.Blobs, "bytes", s.Report.Bytes,
			"damage", s.Report.Damage(), "took", timeOf(s.EndedAt).Sub(timeOf(s.StartedAt)).Round(time.Second))
	}
	return err
}

// Start begins a verification, at a rate of nil that of the scrub. It refuses
// with [ErrRunning].
func (v *Verifier) Start(ctx context.Context, rate *int64, repair bool) (Work, error) {
	s, err := v.look(ctx, verifying)
	if err != nil {
		return Work{}, err
	}
	if s.Running {
		return Work{}, ErrRunning
	}
	s.begin(v.rateOf(rate), repair)
	err = s.write(ctx)
	if errors.Is(err, errTaken) {
		return Work{}, ErrRunning
	}
	if err != nil {
		return Work{}, err
	}
	select {
	case v.wake <- struct{}{}:
	default:
	}
	return s.shown(), nil
}

func (v *Verifier) rateOf(asked *int64) int64 {
	switch {
	case asked != nil:
		return *asked
	case v.Rate > 0:
		return v.Rate
	}
	return DefaultRate
}

// Stop ends the verification that runs. It refuses with [ErrNotRunning].
func (v *Verifier) Stop(ctx context.Context) (Work, error) {
	for {
		s, err := v.look(ctx, verifying)
		if err != nil {
			return Work{}, err
		}
		if !s.Running {
			return Work{}, ErrNotRunning
		}
		s.end(errors.New("it was stopped"))
		if err = s.write(ctx); !errors.Is(err, errTaken) {
			return s.shown(), err
		}
	}
}

// Status returns the verification that runs or ran last, and the scrub; nil is
// one that never was.
func (v *Verifier) Status(ctx context.Context) (verification, scrub *Work, err error) {
	for name, to := range map[string]**Work{verifying: &verification, scrubbing: &scrub} {
		s, err := v.look(ctx, name)
		if err != nil {
			return nil, nil, fmt.Errorf("status: %w", err)
		}
		if s.text != "" {
			*to = new(s.shown())
		}
	}
	return verification, scrub, nil
}
