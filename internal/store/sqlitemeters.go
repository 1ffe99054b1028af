package store

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// pageBytes is the size of SQLite's pages.
const pageBytes = 4096

// sqliteMeters are what the one writer of an SQLite database shows of itself.
type sqliteMeters struct {
	group      prometheus.Histogram
	log        prometheus.Gauge
	checkpoint prometheus.Histogram
}

func newSQLiteMeters() *sqliteMeters {
	return &sqliteMeters{
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "nifuda_sqlite_commit_transactions", Help: "Transactions that shared a commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		log: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nifuda_sqlite_wal_bytes", Help: "Size of what is in use of the write-ahead log.",
		}),
		checkpoint: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "nifuda_sqlite_checkpoint_duration_seconds", Help: "Time that copying the write-ahead log into the database took.",
			Buckets: prometheus.ExponentialBuckets(.001, 4, 8),
		}),
	}
}

func (e *sqliteEngine) system() string { return "sqlite" }

func (e *sqliteEngine) collectors() []prometheus.Collector {
	return []prometheus.Collector{e.meters.group, e.meters.log, e.meters.checkpoint, collectors.NewDBStatsCollector(e.readers, "sqlite")}
}
