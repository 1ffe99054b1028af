package migrate_test

import (
	"path/filepath"
	"testing"

	"github.com/nifuda/nifuda/internal/migrate"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// What the last pass takes for 20,000 images is what a server has to be read-only.
func BenchmarkLastPass(b *testing.B) {
	database := "sqlite:" + filepath.Join(b.TempDir(), "nifuda.db")
	load := storetest.Load{Account: account, Region: region, Repository: "load", Images: 20_000, Repositories: 100, Users: 100}
	if err := load.Into(b.Context(), database); err != nil {
		b.Fatal(err)
	}
	for name, to := range map[string]func() string{
		"postgres": func() string { return storetest.PostgresURL(b) },
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "nifuda.db") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				from := migrate.Place{Database: database, Blobs: "file:" + b.TempDir()}
				report, err := migrate.Run(b.Context(), migrate.Options{From: from, To: migrate.Place{Database: to(), Blobs: from.Blobs}, Finish: true})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(report.AllRows()), "rows")
			}
		})
	}
}
