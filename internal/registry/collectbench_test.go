package registry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// BenchmarkPullWhileCollecting reads a manifest and a blob, and
// BenchmarkPushWhileCollecting pushes a small image, alone and while a collector
// goes through many thousands of links.
func BenchmarkPullWhileCollecting(b *testing.B) {
	whileCollecting(b, func(f fixture, _ int, image storetest.LoadedImage) error {
		if _, err := f.Manifest(context.Background(), app, registry.ImageID{Digest: image.Digest}); err != nil {
			return err
		}
		c, err := f.OpenBlob(context.Background(), app, digestOf(image.Layer))
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// See BenchmarkPullWhileCollecting.
func BenchmarkPushWhileCollecting(b *testing.B) {
	whileCollecting(b, func(f fixture, n int, _ storetest.LoadedImage) error {
		payload, blobs := spacedImage(b, 1_000_001+n*10)
		if err := (collectFixture{fixture: f}).upload(context.Background(), app, blobs[1:]); err != nil {
			return err
		}
		_, err := f.PutImage(context.Background(), registry.NewImage{Repository: app, Payload: payload})
		return err
	})
}

func whileCollecting(b *testing.B, do func(f fixture, n int, image storetest.LoadedImage) error) {
	for name, collecting := range map[string]bool{"alone": false, "while collecting": true} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "nifuda.db")
			load := storetest.Load{Account: home.Account, Region: home.Region, Repository: app.Name, Images: 50_000, Actor: actor, At: 1}
			if err := load.Into(b.Context(), "sqlite:"+path); err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(b.Context(), "sqlite:"+path)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var requests atomic.Int64
			c := newClock()
			f := fixture{openWith(b, s, b.TempDir(), c, func(o *registry.Options) {
				o.Grace, o.Requests = time.Hour, requests.Load
			}), s, c}
			for i := range 20 { // what the images share
				f.putBlob(b, app, largeLayer(fmt.Sprint("shared ", i)))
			}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			close(done)
			if collecting {
				done = make(chan struct{})
				go func() { defer close(done); f.RunCollector(ctx) }()
				if err := f.DeleteBlob(ctx, app, digestOf(largeLayer("shared 0"))); err != nil { // it looks at once
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for n := range b.N {
				requests.Add(1)
				if err := do(f, n, load.Image(n*7919%load.Images)); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			left, err := f.Collection(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(left.Waiting.Links), "left")
			cancel()
			<-done
		})
	}
}
