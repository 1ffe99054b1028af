package registry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// spacedImage is one of many that share layers: each has a layer with 99 others
// and a small one of its own, and each tenth a large one of its own.
func spacedImage(t testing.TB, i int) (payload []byte, blobs [][]byte) {
	config := fmt.Appendf(nil, `{"n":%d}`, i)
	small := append(fmt.Append(nil, "small ", i), make([]byte, 8<<10)...)
	layers := [][]byte{largeLayer(fmt.Sprint("shared ", i%20)), small}
	if i%10 == 0 {
		layers = append(layers, largeLayer(fmt.Sprint("own ", i)))
	}
	c := describe(configType, config)
	m := imageText{MediaType: manifest.MediaTypeImage, Config: &c}
	for _, layer := range layers {
		m.Layers = append(m.Layers, describe(layerType, layer))
	}
	return encode(t, m), append(layers, config)
}

func TestSpaceComesBack(t *testing.T) {
	const kept = 10
	images := 2000
	if raceDetector {
		images = 1000
	}
	path := filepath.Join(t.TempDir(), "nifuda.db")
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := newCollectFixture(t, s, func(*registry.Options) {})
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < images; i += 16 {
				payload, blobs := spacedImage(t, i)
				if err := f.upload(t.Context(), app, blobs); err != nil {
					t.Error(err)
					return
				}
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{fmt.Sprint("v", i)}})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := f.used(t, path)
	var want int64
	counted := map[string]bool{}
	for i := range images {
		if i >= images-kept {
			_, blobs := spacedImage(t, i)
			for _, b := range blobs {
				if d := digestOf(b); len(b) > 64<<10 && !counted[d] {
					counted[d] = true
					want += int64(len(b))
				}
			}
			continue
		}
		if _, _, err := f.DeleteImages(t.Context(), app, []registry.ImageID{{Tag: fmt.Sprint("v", i)}}, nil, actor); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	c := f.collect(t)
	after := f.used(t, path)
	t.Logf("%+v in %v; files %d → %d bytes, database %d → %d bytes", c, time.Since(start), before.files, after.files, before.database, after.database)
	if after.files < want*95/100 || after.files > want*105/100 {
		t.Errorf("the files have %d bytes, those of the images that are left %d", after.files, want)
	}
	if after.database > before.database/3 {
		t.Errorf("the database has %d bytes of %d", after.database, before.database)
	}
	f.checkImages(t, app)
}

type used struct{ files, database int64 }

// used is what the blobs' files and the database have on disk.
func (f collectFixture) used(t testing.TB, database string) (u used) {
	t.Helper()
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for _, name := range f.files(t) {
		u.files += size(filepath.Join(f.dir, name))
	}
	u.database = size(database)
	return u
}

// collectAmong deletes some images of a loaded registry and returns what a pass
// takes then, of CPU time where that is known.
func collectAmong(t testing.TB, images, deleted int) time.Duration {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nifuda.db")
	load := storetest.Load{Account: home.Account, Region: home.Region, Repository: app.Name, Images: images, Actor: actor, At: 1, Collected: true}
	if err := load.Into(t.Context(), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, dir := newClock(), t.TempDir()
	f := collectFixture{fixture{openWith(t, s, dir, c, func(*registry.Options) {}), s, c}, dir}
	for i := range deleted {
		n := i * 7919 % images
		if err := f.DeleteManifest(t.Context(), app, load.Image(n).Digest, nil, actor); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	freed, err := f.CollectNow(context.Background())
	took := time.Since(start)
	if err != nil || freed.Blobs < int64(2*deleted) {
		t.Fatalf("%+v, %v, want the config and the layer of each of %d images", freed, err, deleted)
	}
	return took
}

// What a pass takes follows from what was deleted, not from what is stored.
func TestAPassCostsNoMoreInALargeRegistry(t *testing.T) {
	if testing.Short() {
		t.Skip("loads 40,000 blobs")
	}
	if raceDetector {
		t.Skip("compares times, see the target collect of the Makefile")
	}
	const deleted, most = 100, 3
	small, large := time.Hour, time.Hour
	for range 3 {
		small = min(small, collectAmong(t, 500, deleted))
		large = min(large, collectAmong(t, 20_000, deleted))
	}
	t.Logf("%v among 1,000 blobs, %v among 40,000", small, large)
	if large > most*small+20*time.Millisecond {
		t.Errorf("a pass takes %v among 40,000 blobs and %v among 1,000", large, small)
	}
}

// BenchmarkCollect is what a pass takes after a thousand deletions.
func BenchmarkCollect(b *testing.B) {
	for _, blobs := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(blobs, " blobs"), func(b *testing.B) {
			var took time.Duration
			for range b.N {
				took += collectAmong(b, blobs/2, 1000)
			}
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/pass")
			b.ReportMetric(0, "ns/op")
		})
	}
}
