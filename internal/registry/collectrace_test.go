package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A collectFixture is a fixture that knows where its blobs are.
type collectFixture struct {
	fixture
	dir string
}

// eachCollected runs a test of the collector with a grace period.
func eachCollected(t *testing.T, grace time.Duration, test func(t *testing.T, f collectFixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newCollectFixture(t, s, func(o *registry.Options) { o.Grace = grace })
		test(t, f)
	})
}

func newCollectFixture(t testing.TB, s *store.Store, change func(*registry.Options)) collectFixture {
	c, dir := newClock(), t.TempDir()
	f := collectFixture{fixture{openWith(t, s, dir, c, change), s, c}, dir}
	f.create(t, app, registry.TagMutability{})
	return f
}

// largeLayer is one that becomes a file.
func largeLayer(text string) []byte {
	return slices.Concat([]byte(text), make([]byte, 70<<10))
}

// largeImage is the manifest of an image with a config and some layers, of which
// the first becomes a file, and their contents.
func largeImage(t testing.TB, name string, layers int) (payload []byte, blobs [][]byte) {
	t.Helper()
	config := []byte(`{"name":"` + name + `"}`)
	blobs = [][]byte{config}
	c := describe(configType, config)
	m := imageText{MediaType: manifest.MediaTypeImage, Config: &c}
	for i := range layers {
		layer := fmt.Appendf(nil, "layer %d of %s", i, name)
		if i == 0 {
			layer = largeLayer(name)
		}
		blobs = append(blobs, layer)
		m.Layers = append(m.Layers, describe(layerType, layer))
	}
	return encode(t, m), blobs
}

// upload puts blobs into a repository, of which a deletion may take it away.
func (f collectFixture) upload(ctx context.Context, n registry.RepositoryName, blobs [][]byte) error {
	for _, b := range blobs {
		if _, err := f.PutBlob(ctx, n, completion(b, digest.FromBytes(b))); err != nil {
			return err
		}
	}
	return nil
}

func (f collectFixture) collect(t testing.TB) registry.Collected {
	t.Helper()
	c, err := f.CollectNow(t.Context())
	if err != nil {
		t.Error(err)
	}
	return c
}

// checkImages reads every blob of every image of a repository.
func (f collectFixture) checkImages(t testing.TB, n registry.RepositoryName) {
	t.Helper()
	images, _, err := f.DescribeImages(t.Context(), n, registry.Any, registry.Cursor{}, 10_000)
	if err != nil {
		if !refusedAs(err, registry.CodeRepositoryNotFound) {
			t.Error(err)
		}
		return
	}
	for _, image := range images {
		m, err := f.Manifest(t.Context(), n, registry.ImageID{Digest: image.Digest})
		if err != nil {
			t.Error(err)
			continue
		}
		var text imageText
		if err := json.Unmarshal(m.Payload, &text); err != nil {
			t.Fatal(err)
		}
		if text.Config != nil {
			text.Layers = append(text.Layers, *text.Config)
		}
		for _, layer := range text.Layers {
			if got := digest.FromBytes(f.read(t, n, layer.Digest)); got != layer.Digest {
				t.Errorf("the bytes of %s have the digest %s", layer.Digest, got)
			}
		}
	}
}

// files are the finished objects of the blob store.
func (f collectFixture) files(t testing.TB) (all []string) {
	t.Helper()
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Base(filepath.Dir(path)) != "uploads" {
			all = append(all, filepath.ToSlash(path[len(f.dir)+1:]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// settle collects all that there is, and holds what is left against what images
// refer to: nothing lost, nothing left over.
func (f collectFixture) settle(t testing.TB, repositories ...registry.RepositoryName) {
	t.Helper()
	storetest.CheckConsistency(t, f.store)
	for again := true; again; {
		f.clock.advance(24 * time.Hour) // after the grace period, and then after the time in the trash
		again = f.collect(t) != registry.Collected{}
	}
	storetest.CheckCollected(t, f.store)
	want := storetest.Texts(t, f.store, `SELECT location FROM blobs WHERE location IS NOT NULL ORDER BY location`)
	if got := f.files(t); !slices.Equal(got, want) {
		t.Errorf("the files are %q, those of the rows are %q", got, want)
	}
	for _, n := range repositories {
		f.checkImages(t, n)
	}
}

// rounds is how often a race is run.
const rounds = 25

// TestPushAgainstLinkCollector: a push finds its layers for as long as the image
// lives, or is told that they are gone.
func TestPushAgainstLinkCollector(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			payload, blobs := largeImage(t, fmt.Sprint("image ", i), 8)
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
				if !refusedAs(err, registry.CodeLayersNotFound) {
					t.Error(err)
				}
			})
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
		}
		f.settle(t, app)
	})
}

// TestPushAgainstBlobCollector: a blob that is about to be forgotten is uploaded
// again, and has its bytes.
func TestPushAgainstBlobCollector(t *testing.T) {
	eachCollected(t, time.Hour, func(t *testing.T, f collectFixture) {
		payload, blobs := largeImage(t, "image", 4)
		for range rounds {
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			for _, b := range blobs {
				if err := f.DeleteBlob(t.Context(), app, digest.FromBytes(b).String()); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := f.upload(t.Context(), app, blobs); err != nil {
					t.Error(err)
				}
			})
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			f.push(t, app, payload)
			f.checkImages(t, app)
			if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); err != nil {
				t.Fatal(err)
			}
			for _, b := range blobs { // those that the collector looked at and kept
				if err := f.DeleteBlob(t.Context(), app, digest.FromBytes(b).String()); err != nil {
					t.Fatal(err)
				}
			}
		}
		f.settle(t, app)
	})
}

// TestTouchAgainstCollector: who is told that a blob is there may rely on it for
// the grace period.
func TestTouchAgainstCollector(t *testing.T) {
	eachCollected(t, time.Hour, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			_, blobs := largeImage(t, fmt.Sprint("image ", i), 8)
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Hour)
			told := make([]bool, len(blobs))
			var wg sync.WaitGroup
			for j, b := range blobs {
				d := digest.FromBytes(b).String()
				wg.Go(func() {
					var err error
					if j%2 == 0 {
						_, err = f.CheckBlob(t.Context(), app, d)
						told[j] = err == nil
					} else {
						var found map[string]registry.Blob
						found, err = f.CheckBlobs(t.Context(), app, []string{d})
						_, told[j] = found[d]
					}
					if !refusedAs(err, registry.CodeLayersNotFound) {
						t.Error(err)
					}
				})
			}
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			f.collect(t)
			for j, b := range blobs {
				if told[j] && !f.holds(t, app, b) {
					t.Fatal("a client was told of a blob that is gone")
				}
			}
		}
		f.settle(t)
	})
}

// TestMountAgainstCollector: a blob that was mounted is there, however soon its
// source had no use for it.
func TestMountAgainstCollector(t *testing.T) {
	eachCollected(t, time.Hour, func(t *testing.T, f collectFixture) {
		source := registry.RepositoryName{Registry: home, Name: "source"}
		f.create(t, source, registry.TagMutability{})
		for i := range rounds {
			_, blobs := largeImage(t, fmt.Sprint("image ", i), 6)
			if err := f.upload(t.Context(), source, blobs); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Hour)
			mounted := make([]bool, len(blobs))
			var wg sync.WaitGroup
			for j, b := range blobs {
				wg.Go(func() {
					var err error
					if mounted[j], err = f.MountBlob(t.Context(), app, source.Name, digest.FromBytes(b).String()); err != nil {
						t.Error(err)
					}
				})
			}
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			f.collect(t)
			for j, b := range blobs {
				if mounted[j] && !f.holds(t, app, b) {
					t.Fatal("a blob was mounted and is gone")
				}
			}
		}
		f.settle(t)
	})
}

// TestRepushAgainstRemovalOfOldBytes: bytes that are removed are never those of
// a blob that was uploaded again.
func TestRepushAgainstRemovalOfOldBytes(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		payload, blobs := largeImage(t, "image", 1)
		for range rounds {
			pushed := false
			var wg sync.WaitGroup
			wg.Go(func() {
				for !pushed {
					if err := f.upload(t.Context(), app, blobs); err != nil {
						t.Error(err)
						return
					}
					_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
					if !refusedAs(err, registry.CodeLayersNotFound) {
						t.Error(err)
						return
					}
					pushed = err == nil
				}
			})
			for range 2 {
				wg.Go(func() {
					for range 3 {
						f.collect(t)
					}
				})
			}
			wg.Wait()
			f.checkImages(t, app)
			if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); err != nil {
				t.Fatal(err)
			}
		}
		f.settle(t, app)
	})
}

// TestDeleteOfIndexAndChildAgainstCollector: whoever deletes an image last, its
// layers are looked at.
func TestDeleteOfIndexAndChildAgainstCollector(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			child, blobs := largeImage(t, fmt.Sprint("image ", i), 2)
			index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}})
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			f.push(t, app, child)
			f.push(t, app, index)
			var wg sync.WaitGroup
			for _, payload := range [][]byte{index, child} {
				wg.Go(func() {
					for {
						err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor)
						if err == nil {
							return
						}
						if !refusedAs(err, registry.CodeImageReferenced) {
							t.Error(err)
							return
						}
					}
				})
			}
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			storetest.CheckConsistency(t, f.store)
		}
		f.settle(t, app)
	})
}

// TestImagesThatShareLayersAgainstCollector: of two images with one layer the
// last one to go takes it along.
func TestImagesThatShareLayersAgainstCollector(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			one, blobs := largeImage(t, fmt.Sprint("image ", i), 3)
			two := append([]byte(" "), one...)
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			f.push(t, app, one)
			f.push(t, app, two)
			var wg sync.WaitGroup
			for _, payload := range [][]byte{one, two} {
				wg.Go(func() {
					if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); err != nil {
						t.Error(err)
					}
				})
			}
			for range 2 {
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			storetest.CheckConsistency(t, f.store)
		}
		f.settle(t, app)
	})
}

// TestTwoUploadsOfOneDigestAgainstCollector: both are told that the blob is
// there, and it is, once.
func TestTwoUploadsOfOneDigestAgainstCollector(t *testing.T) {
	eachCollected(t, time.Hour, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			content := largeLayer(fmt.Sprint("layer ", i))
			if err := f.upload(t.Context(), app, [][]byte{content}); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(time.Hour)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if err := f.upload(t.Context(), app, [][]byte{content}); err != nil {
						t.Error(err)
					}
				})
				wg.Go(func() { f.collect(t) })
			}
			wg.Wait()
			f.collect(t)
			if !f.holds(t, app, content) {
				t.Fatal("a blob was uploaded and is gone")
			}
		}
		f.settle(t)
	})
}

// TestTwoCollectorsAtOnce: nothing is freed twice, and nothing forgotten.
func TestTwoCollectorsAtOnce(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		const blobs = 200
		for i := range blobs {
			f.putBlob(t, app, fmt.Append(nil, "blob ", i))
		}
		for i := range 10 {
			f.putBlob(t, app, largeLayer(fmt.Sprint("layer ", i)))
		}
		other := collectFixture{fixture{openWith(t, f.store, f.dir, f.clock, func(*registry.Options) {}), f.store, f.clock}, f.dir}
		results := make([]registry.Collected, 4)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = []collectFixture{f, other}[i%2].collect(t) })
		}
		wg.Wait()
		var total registry.Collected
		for _, c := range results {
			total.Add(c)
		}
		for c := f.collect(t); c != (registry.Collected{}); c = f.collect(t) {
			total.Add(c)
		}
		if total.Links != blobs+10 || total.Blobs != blobs+10 {
			t.Errorf("%d links and %d blobs were collected, want %d", total.Links, total.Blobs, blobs+10)
		}
		f.settle(t)
	})
}

// TestRepositoryDeletionAgainstPushAndCollector: a repository that is taken
// apart takes along what is pushed to it at the same moment.
func TestRepositoryDeletionAgainstPushAndCollector(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for i := range rounds {
			n := registry.RepositoryName{Registry: home, Name: fmt.Sprint("repository-", i)}
			f.create(t, n, registry.TagMutability{})
			var wg sync.WaitGroup
			for j := range 3 {
				wg.Go(func() {
					payload, blobs := largeImage(t, fmt.Sprint("image ", i, j), 3)
					err := f.upload(t.Context(), n, blobs)
					if err == nil {
						_, err = f.PutImage(t.Context(), registry.NewImage{Repository: n, Payload: payload, Tags: []string{"latest"}})
					}
					if !refusedAs(err, registry.CodeLayersNotFound, registry.CodeRepositoryNotFound) {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if _, err := f.DeleteRepository(t.Context(), n, true, actor); err != nil {
					t.Error(err)
				}
			})
			for range 2 {
				wg.Go(func() {
					for range 3 {
						f.collect(t)
					}
				})
			}
			wg.Wait()
			storetest.CheckConsistency(t, f.store)
		}
		f.settle(t, app)
	})
}

// TestOpenAgainstRemovalOfOldBytes: who was told where bytes are just before
// they went gets those that took their place.
func TestOpenAgainstRemovalOfOldBytes(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		content := largeLayer("layer")
		d := digest.FromBytes(content).String()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for ctx.Err() == nil {
					c, err := f.OpenBlob(t.Context(), app, d)
					if err == nil {
						err = c.Close()
					}
					if !refusedAs(err, registry.CodeLayersNotFound) && !os.IsNotExist(err) {
						t.Error(err)
						return
					}
				}
			})
		}
		for range rounds {
			if err := f.upload(t.Context(), app, [][]byte{content}); err != nil {
				t.Error(err)
			}
			f.collect(t)
		}
		cancel()
		wg.Wait()
		f.settle(t)
	})
}
