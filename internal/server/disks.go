package server

import (
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/diskspace"
)

// watchDisks watches the space for blobs in files and for an SQLite database, and
// shows it in the metrics. A bucket has no end.
func (s *server) watchDisks() *diskspace.Watch {
	var places []diskspace.Place
	if blobs, ok := strings.CutPrefix(s.Config.Blobs, "file:"); ok {
		places = append(places, diskspace.Place{Name: "blobs", Path: blobs})
	}
	if database, ok := strings.CutPrefix(s.Config.Database, "sqlite:"); ok {
		places = append(places, diskspace.Place{Name: "database", Path: filepath.Dir(database)})
	}
	watch := diskspace.New(places, s.Config.DiskReserve(), s.Log)
	for _, p := range watch.Places() {
		s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nifuda_disk_free_bytes", Help: "Free space where the server writes; -1 is unknown.", ConstLabels: prometheus.Labels{"place": p.Name},
		}, func() float64 {
			free, known := watch.Free(p)
			if !known {
				return -1
			}
			return float64(free)
		}))
	}
	s.metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nifuda_disk_reserve_bytes", Help: "Free space that pushes leave."},
			func() float64 { return float64(s.Config.DiskReserve()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "nifuda_pushes_refused_total", Help: "Requests of pushes that were refused because no more space was free than is reserved."},
			func() float64 { return float64(watch.Refused()) }),
	)
	return watch
}
