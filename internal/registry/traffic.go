package registry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// A metric has a series for each of this many repositories at most: those that
// something happened to first since the start. Each registry has a part of them, so
// that nobody who makes a million repositories takes those of others.
const (
	maxMeasured           = 1000
	maxMeasuredOfRegistry = 100
)

// otherRepositories is the label of all that have no series of their own.
const otherRepositories = "other"

// traffic counts pushes and pulls by repository.
type traffic struct {
	pushed, pulled *prometheus.CounterVec

	mu         sync.Mutex
	measured   map[RepositoryName]struct{}
	registries map[ID]int // how many of them each has
}

func newTraffic(registry prometheus.Registerer) *traffic {
	labels := []string{"account", "region", "repository"}
	t := &traffic{
		pushed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_repository_pushes_total", Help: "Manifests that were put into a repository.",
		}, labels),
		pulled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_repository_pulls_total", Help: "Manifests that were pulled from a repository.",
		}, labels),
		measured: map[RepositoryName]struct{}{}, registries: map[ID]int{},
	}
	if registry != nil {
		registry.MustRegister(t.pushed, t.pulled)
	}
	return t
}

// pulls and pushes return the counter that a repository has, or shares.
func (t *traffic) pulls(n RepositoryName) prometheus.Counter { return t.of(t.pulled, n) }

func (t *traffic) pushes(n RepositoryName) prometheus.Counter { return t.of(t.pushed, n) }

func (t *traffic) of(counter *prometheus.CounterVec, n RepositoryName) prometheus.Counter {
	if t.isMeasured(n) {
		return counter.WithLabelValues(n.Registry.Account, n.Registry.Region, n.Name)
	}
	return counter.WithLabelValues(otherRepositories, otherRepositories, otherRepositories)
}

func (t *traffic) isMeasured(n RepositoryName) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.measured[n]; ok {
		return true
	}
	if len(t.measured) >= maxMeasured || t.registries[n.Registry] >= maxMeasuredOfRegistry {
		return false
	}
	t.measured[n] = struct{}{}
	t.registries[n.Registry]++
	return true
}
