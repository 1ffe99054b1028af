package identity

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// reads count what was taken from a cache, and what had to be read.
type reads struct{ hits, misses atomic.Int64 }

// Register shows what is measured of the identities.
func (s *Identities) Register(registry prometheus.Registerer) {
	s.keys.register(registry, "access keys")
	s.callers.register(registry, "callers")
}

// register shows the reads of a cache.
func (c *cache[K, V]) register(registry prometheus.Registerer, name string) {
	for outcome, count := range map[string]*atomic.Int64{"hit": &c.reads.hits, "miss": &c.reads.misses} {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "nifuda_cache_reads_total", Help: "Reads that a cache in memory answered, or not.",
			ConstLabels: prometheus.Labels{"cache": name, "outcome": outcome},
		}, func() float64 { return float64(count.Load()) }))
	}
}
