package registry_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// BenchmarkSearch asks for pages of a repository with 100,000 images, a tenth of
// which was pulled, and of a registry with 10,000 repositories.
func BenchmarkSearch(b *testing.B) {
	const images = 100_000
	load := storetest.Load{
		Account: app.Registry.Account, Region: app.Registry.Region, Repository: app.Name, Images: images,
		Repositories: 10_000, At: 1_700_000_000_000, Collected: true,
	}
	path := b.TempDir() + "/nifuda.db"
	if err := load.Into(b.Context(), "sqlite:"+path); err != nil {
		b.Fatal(err)
	}
	r := openLoad(b, path)
	ask := func(name string, search func(ctx context.Context) error) {
		b.Run(name, func(b *testing.B) {
			before, n := cpuTime(b), 0
			for ; b.Loop(); n++ {
				if err := search(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Milliseconds())/float64(n), "cpu-ms/op")
		})
	}
	untagged := load.Image(99_999).Digest
	for name, in := range map[string]registry.ImageSearch{
		"pushed":             {},
		"pushed, parts":      {WithParts: true},
		"size":               {Order: registry.BySize},
		"pulled":             {Order: registry.ByPulledAt},
		"never pulled":       {Order: registry.ByPulledAt, Ascending: true},
		"untagged":           {TagStatus: registry.Untagged},
		"untagged, smallest": {TagStatus: registry.Untagged, Order: registry.BySize, Ascending: true},
		"one tag":            {Text: "v0050000"},
		"no tag":             {Text: "nothing"},
		"a thousand tags":    {Text: "v0050"},
		"all tags":           {Text: "v0"},
		"last thousands":     {Text: "v000", Order: registry.BySize},
		"digest":             {Text: untagged},
		"digests":            {Text: "a"},
		"no such type":       {MediaType: "application/none"},
		"signatures":         {ArtifactType: "application/vnd.example.signature.v1", WithParts: true},
	} {
		in.Repository = app
		ask("images/"+name, func(ctx context.Context) error {
			_, _, err := r.SearchImages(ctx, in, registry.Cursor{}, 50)
			return err
		})
	}
	deep := registry.ImageSearch{Repository: app}
	var at registry.Cursor
	for range 500 {
		var err error
		if _, at, err = r.SearchImages(b.Context(), deep, at, 100); err != nil {
			b.Fatal(err)
		}
	}
	ask("images/pushed, deep", func(ctx context.Context) error {
		_, _, err := r.SearchImages(ctx, deep, at, 50)
		return err
	})
	for name, in := range map[string]registry.RepositorySearch{
		"name": {}, "size": {Order: registry.ByBytes, Descending: true}, "created": {Order: registry.ByCreatedAt},
		"one": {Text: "service-005000"}, "none": {Text: "nothing", Order: registry.ByImages}, "tag": {TagKey: "team"},
	} {
		in.Registry = app.Registry
		ask("repositories/"+name, func(ctx context.Context) error {
			_, _, err := r.SearchRepositories(ctx, in, registry.Cursor{}, 50)
			return err
		})
	}
}

// openLoad opens a registry over a load, a tenth of whose images was pulled, and
// whose repositories have counted what they hold.
func openLoad(b *testing.B, path string) *registry.Registry {
	b.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO pulls (repository_id, digest, pulled_at) SELECT repository_id, digest, pushed_at + 1000000 FROM manifests WHERE rowid % 10 = 3`,
		`INSERT INTO repository_usage (repository_id, slot, images, blobs, bytes, counted_at) SELECT id, 0, length(name), 0, rowid * 31 % 997, 0 FROM repositories`,
	} {
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(fmt.Errorf("%s: %w", statement, err))
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), "sqlite:"+path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	blobs, err := file.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { blobs.Close() })
	return registry.New(s, blobs, registry.Options{UploadKey: bytes.Repeat([]byte{1}, 32)})
}

// cpuTime is what this process has used of the processors: other than the time that
// passes, it hardly depends on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
