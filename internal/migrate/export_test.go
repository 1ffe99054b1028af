package migrate

import "context"

// RunUntil is [Run] that fails at the given one of the places where a process may
// die, counted from 1, and reports how many it has come by.
func RunUntil(ctx context.Context, o Options, end int, failure error) (Report, int, error) {
	points := 0
	o.point = func() error {
		if points++; points == end {
			return failure
		}
		return nil
	}
	o.Parallel = 1 // which gives the places an order
	r, err := Run(ctx, o)
	return r, points, err
}
