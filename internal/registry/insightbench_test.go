package registry_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// BenchmarkInsight asks what a page of the console asks: of a repository with
// 100,000 images beside 10,000 repositories without, which all were pulled on each
// of ten days, and of 1,000 repositories with 100 images each.
func BenchmarkInsight(b *testing.B) {
	for name, load := range map[string]storetest.Load{
		"one large":  {Repository: app.Name, Images: 100_000, Repositories: 10_000},
		"many small": {Repository: app.Name, Images: 100, Repositories: 1_000, Each: 100},
	} {
		load.Account, load.Region, load.At, load.Collected = home.Account, home.Region, 1_700_000_000_000, true
		path := b.TempDir() + "/nifuda.db"
		if err := load.Into(b.Context(), "sqlite:"+path); err != nil {
			b.Fatal(err)
		}
		pullAll(b, path)
		r := openLoad(b, path)
		if _, err := r.RecountUsage(b.Context()); err != nil {
			b.Fatal(err)
		}
		ids := []registry.ImageID{}
		for i := range 100 {
			ids = append(ids, registry.ImageID{Digest: load.Image(i * 7 % load.Images).Digest})
		}
		for what, do := range map[string]func(ctx context.Context) error{
			"measure": r.Measure, // does its work once
			"content": func(ctx context.Context) error {
				_, err := r.ImageContent(ctx, app, ids[50].Digest)
				return err
			},
			"preview of 100": func(ctx context.Context) error {
				_, err := r.PreviewDeletion(ctx, app, ids, make([]*registry.SeenTags, len(ids)), actor)
				return err
			},
			"events": func(ctx context.Context) error {
				_, _, err := r.Events(ctx, home, registry.EventFilter{}, registry.Cursor{}, 50)
				return err
			},
			"events of a repository": func(ctx context.Context) error {
				_, _, err := r.Events(ctx, home, registry.EventFilter{Repository: load.RepositoryName(7)}, registry.Cursor{}, 50)
				return err
			},
			"events of nobody": func(ctx context.Context) error {
				_, _, err := r.Events(ctx, home, registry.EventFilter{Actor: "nobody"}, registry.Cursor{}, 50)
				return err
			},
			"statistics": func(ctx context.Context) error {
				_, err := r.Statistics(ctx, home, 30)
				return err
			},
			"storage": func(ctx context.Context) error {
				_, err := r.Storage(ctx, home)
				return err
			},
			"storage of a repository": func(ctx context.Context) error {
				_, err := r.ImageStorage(ctx, app)
				return err
			},
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				before, n := cpuTime(b), 0
				for ; b.Loop(); n++ {
					if err := do(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((cpuTime(b)-before).Milliseconds())/float64(n), "cpu-ms/op")
			})
		}
	}
}

// pullAll counts pulls of each repository on each of ten days.
func pullAll(b *testing.B, path string) {
	b.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`WITH RECURSIVE days(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM days WHERE n < 9)
		INSERT INTO pull_counts (repository_id, reference, day, pulls, last_at)
		SELECT r.id, '', CAST(strftime('%s') AS INTEGER) / 86400 - n, 1 + length(r.name) % 7, 0 FROM repositories r, days`)
	if err != nil {
		b.Fatal(err)
	}
}
