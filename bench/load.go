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
	cpu, began := s.cpu(), time.Now()
	for worker, c := range conns {
		wg.Go(func() {
			for round := 0; time.Since(began) < duration && ctx.Err() == nil; round++ {
				if errs[worker] = step(c, worker, round); errs[worker] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	l := load{units: float64(done.Load()), wall: time.Since(began), cpu: s.cpu() - cpu}
	return l, errors.Join(errors.Join(errs...), ctx.Err())
}

// once measures one thing that is so many units.
func (s *server) once(units float64, do func() error) (load, error) {
	s.underLoad()
	cpu, began := s.cpu(), time.Now()
	err := do()
	return load{units: units, wall: time.Since(began), cpu: s.cpu() - cpu}, err
}
