package verify

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A meter measures what passes read. A nil one measures nothing.
type meter struct {
	blobs, bytes prometheus.Counter
}

func (m *meter) blob() {
	if m != nil {
		m.blobs.Inc()
	}
}

func (m *meter) read(bytes int64) {
	if m != nil {
		m.bytes.Add(float64(bytes))
	}
}

// gaugeTime is how long a gauge may take that asks the database.
const gaugeTime = 5 * time.Second

// measure registers nifuda_verify_blobs_total and nifuda_verify_read_bytes_total,
// by the work, nifuda_verify_damaged_blobs, and nifuda_verify_last_complete_time_seconds.
func (v *Verifier) measure(registry prometheus.Registerer) {
	blobs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nifuda_verify_blobs_total", Help: "Blobs read and checked.",
	}, []string{"work"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nifuda_verify_read_bytes_total", Help: "Bytes read to be checked.",
	}, []string{"work"})
	v.meters = map[string]*meter{}
	for _, work := range []string{scrubbing, verifying} {
		v.meters[work] = &meter{blobs.WithLabelValues(work), bytes.WithLabelValues(work)}
	}
	registry.MustRegister(blobs, bytes,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nifuda_verify_damaged_blobs", Help: "Blobs marked as damaged, which cannot be pulled; -1 is unknown.",
		}, v.damagedBlobs),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nifuda_verify_last_complete_time_seconds", Help: "When everything stored was last read, in Unix time; 0 is never.",
		}, v.lastComplete))
}

func (v *Verifier) damagedBlobs() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTime)
	defer cancel()
	n, err := v.Store.DamagedBlobs(ctx)
	if err != nil {
		return -1
	}
	return float64(n)
}

// lastComplete is when a work read everything last.
func (v *Verifier) lastComplete() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTime)
	defer cancel()
	var last int64
	for _, name := range []string{scrubbing, verifying} {
		if s, err := v.look(ctx, name); err == nil {
			last = max(last, s.CompletedAt)
		}
	}
	return float64(last) / 1000
}
