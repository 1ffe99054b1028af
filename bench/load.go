package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A load is what one scenario did to one server.
type load struct {
	units     float64 // of work, as the scenario counts them
	wall, cpu time.Duration
	engines   usage   // of a cluster, the rest of it
	value     float64 // of scenarios that measure something else
}

// errNotMeasured says that a scenario means nothing on a server.
var errNotMeasured = errors.New("not measured")

// workers runs step on that many connections, again and again for the time,
// and measures what the server did meanwhile. Each step is one unit.
func (s *server) workers(ctx context.Context, n int, duration time.Duration, step func(c *conn, worker, round int) error) (load, error) {
	var done atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, n)
	conns := make([]*conn, n)
	for worker := range n {
		c, err := dial(s)
		if err != nil {
			return load{}, err
		}
		defer c.Close()
		conns[worker] = c
	}
	s.underLoad()
	before, began := s.usage(), time.Now()
	for worker, c := range conns {
		wg.Go(func() {
			for round := 0; time.Since(began) < duration && ctx.Err() == nil; round++ {
				s.pace(began, n, worker, round)
				if errs[worker] = step(c, worker, round); errs[worker] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	wall, used := time.Since(began), s.usage().since(before)
	l := load{units: float64(done.Load()), wall: wall, cpu: used.nifuda, engines: used}
	return l, errors.Join(errors.Join(errs...), ctx.Err())
}

// pace waits until a worker's next step is due, where a rate is asked for: each
// of the workers has its share, one after the other.
func (s *server) pace(began time.Time, workers, worker, round int) {
	if s.rate > 0 {
		due := float64(round*workers+worker) / s.rate
		time.Sleep(time.Until(began.Add(time.Duration(due * float64(time.Second)))))
	}
}

// once measures one thing that is so many units.
func (s *server) once(units float64, do func() error) (load, error) {
	s.underLoad()
	before, began := s.usage(), time.Now()
	err := do()
	wall, used := time.Since(began), s.usage().since(before)
	return load{units: units, wall: wall, cpu: used.nifuda, engines: used}, err
}
