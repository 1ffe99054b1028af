package registry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/store"
)

// collectMetrics are the measurements of the collector.
type collectMetrics struct {
	passes *prometheus.CounterVec
	freed  *prometheus.CounterVec
	bytes  prometheus.Counter
	last   prometheus.Gauge
	oldest prometheus.Gauge
}

func newCollectMetrics(registry prometheus.Registerer) *collectMetrics {
	m := &collectMetrics{
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_gc_passes_total", Help: "Runs of the garbage collector.",
		}, []string{"result"}),
		freed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_gc_freed_total", Help: "What the garbage collector has let go of.",
		}, []string{"kind"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nifuda_gc_freed_bytes_total", Help: "Bytes of blobs that the garbage collector has removed.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nifuda_gc_last_pass_timestamp_seconds", Help: "When the garbage collector last found something to look at.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nifuda_gc_overdue_seconds", Help: "For how long the oldest link to look at has been due.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.passes, m.freed, m.bytes, m.last, m.oldest)
	}
	return m
}

// observe counts a pass.
func (m *collectMetrics) observe(c Collected, err error, at time.Time) {
	result := "complete"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		result = "interrupted"
	case err != nil:
		result = "failed"
	}
	m.passes.WithLabelValues(result).Inc()
	for kind, count := range map[string]int64{
		"images": c.Images, "repositories": c.Repositories, "links": c.Links, "blobs": c.Blobs,
		"files": c.Files, "uploads": c.Uploads, "orphans": c.Orphans,
	} {
		m.freed.WithLabelValues(kind).Add(float64(count))
	}
	m.bytes.Add(float64(c.Bytes))
	m.last.Set(float64(at.UnixMilli()) / 1000)
}

// waited says for how long the first of the checks has been due.
func (m *collectMetrics) waited(now int64, checks []store.LinkCheck) {
	var overdue int64
	if len(checks) > 0 {
		overdue = now - checks[0].Due
	}
	m.oldest.Set(float64(overdue) / 1000)
}
