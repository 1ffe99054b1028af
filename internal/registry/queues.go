package registry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// Whoever fetches metrics waits so long for the database.
	queueTime = 2 * time.Second
	// However many fetch them, and however often, the database is asked once in
	// this time.
	queueInterval = 10 * time.Second
)

// queueMetrics show for how long what the collector has to do has been due. They
// ask when somebody fetches them.
type queueMetrics struct {
	registry *Registry
	overdue  *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	last  map[string]float64 // seconds
}

func (r *Registry) measureQueues(registry prometheus.Registerer) {
	if registry == nil {
		return
	}
	registry.MustRegister(
		&queueMetrics{registry: r, overdue: prometheus.NewDesc("nifuda_queue_overdue_seconds",
			"For how long the first in a queue of the collector has been due; 0 is not at all, -1 is unknown.", []string{"queue"}, nil)},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nifuda_uploads_in_flight", Help: "Uploads of blobs that a request of this process is writing to.",
		}, func() float64 { return float64(r.writing.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nifuda_pulls_pending", Help: "Pairs of tag and image whose pulls are counted and not stored yet.",
		}, func() float64 { return float64(r.pulls.pending()) }),
	)
	r.repositoryIDs.register(registry, "repositories")
	r.manifests.register(registry, "manifests")
	r.protections.register(registry, "policies")
}

// Describe implements [prometheus.Collector].
func (m *queueMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.overdue }

// Collect implements [prometheus.Collector].
func (m *queueMetrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.last == nil || now.Sub(m.asked) >= queueInterval {
		m.asked, m.last = now, m.ask()
	}
	for queue, overdue := range m.last {
		to <- prometheus.MustNewConstMetric(m.overdue, prometheus.GaugeValue, overdue, queue)
	}
}

func (m *queueMetrics) ask() map[string]float64 {
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	now, restorable := m.registry.millis(), m.registry.restorableSince()
	heads, err := m.registry.store.QueueHeads(ctx, now, restorable)
	if err != nil {
		return map[string]float64{"links": -1, "files": -1, "images": -1, "repositories": -1}
	}
	since := func(now, due int64) float64 { return max(0, float64(now)-float64(due)) / 1000 }
	return map[string]float64{
		"links": since(now, heads.LinkDue), "files": since(now, heads.FileDue),
		"images": since(restorable, heads.ImageDeletedAt), "repositories": since(restorable, heads.RepositoryDeletedAt),
	}
}
