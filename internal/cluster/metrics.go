package cluster

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/store"
)

// metrics are what a node tells of the cluster.
type metrics struct {
	nodes  *prometheus.GaugeVec
	leases *prometheus.GaugeVec
	dead   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		nodes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "nifuda_nodes", Help: "Nodes that live, as this one sees them.",
		}, []string{"role"}),
		leases: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "nifuda_lease_held", Help: "Whether this node does the work that one node does at a time.",
		}, []string{"work"}),
		dead: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nifuda_nodes_dead_total", Help: "Nodes that this one has found dead.",
		}),
	}
	if r != nil {
		r.MustRegister(m.nodes, m.leases, m.dead)
	}
	return m
}

func (m *metrics) count(nodes []store.Node) {
	roles := map[string]float64{RoleAPI: 0, RoleWorker: 0, RoleAll: 0}
	for _, n := range nodes {
		if _, known := roles[n.Role]; known {
			roles[n.Role]++
		}
	}
	for role, n := range roles {
		m.nodes.WithLabelValues(role).Set(n)
	}
}

func (m *metrics) lease(work string, held bool) {
	value := 0.0
	if held {
		value = 1
	}
	m.leases.WithLabelValues(work).Set(value)
}

func (m *metrics) died() { m.dead.Inc() }
