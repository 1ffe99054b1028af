package server

import (
	"context"
	"time"

	"github.com/nifuda/nifuda/internal/ratelimit"
)

// openLimiter starts what keeps callers to their request rates, of which each of
// the servers that answer has an equal part.
func (s *server) openLimiter(ctx context.Context) error {
	s.limiter = ratelimit.New(ratelimit.Options{
		ECR: s.Config.RateLimits == "ecr", Rates: s.registry.Rates, Nodes: s.member.Count,
		Now: time.Now, Log: s.Log, Metrics: s.metrics,
	})
	return s.limiter.Reload(ctx)
}
