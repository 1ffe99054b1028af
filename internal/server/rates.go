package server

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/ratelimit"
)

// openLimiter starts what keeps callers to their request rates. Each server has
// the whole rate for itself.
func (s *server) openLimiter(ctx context.Context) error {
	s.limiter = ratelimit.New(ratelimit.Options{
		ECR: s.Config.RateLimits == "ecr", Rates: s.registry.Rates, Nodes: func() int { return 1 },
		Now: time.Now, Log: s.Log, Metrics: s.metrics,
	})
	return s.limiter.Reload(ctx)
}
