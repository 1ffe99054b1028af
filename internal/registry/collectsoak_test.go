package registry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// soakTime is how long the collector is soaked on each database: ten minutes in
// make soak, half a minute in make test, a moment elsewhere.
func soakTime() time.Duration {
	switch {
	case os.Getenv("NIFUDA_SOAK") != "":
		return 10 * time.Minute
	case os.Getenv("CI") == "true" && !raceDetector:
		return 30 * time.Second
	}
	return 3 * time.Second
}

// A soak is a registry where everybody does everything at once.
type soak struct {
	collectFixture
	repositories []registry.RepositoryName
	images       []soakedImage

	pushed, refused, deleted, mounted atomic.Int64
	freed                             [2]registry.Collected
}

// TestCollectorSoak: six push, two delete, all move tags, and two collect with no
// grace at all: nothing that an image has is lost, and nothing is left over.
func TestCollectorSoak(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k := &soak{collectFixture: newCollectFixture(t, s, func(*registry.Options) {})}
		other := collectFixture{fixture{openWith(t, s, k.dir, k.clock, func(*registry.Options) {}), s, k.clock}, k.dir}
		for i := range soakedImages {
			k.images = append(k.images, newSoakedImage(t, i))
		}
		for i := range 3 {
			n := registry.RepositoryName{Registry: home, Name: fmt.Sprint("soak-", i)}
			k.create(t, n, registry.TagMutability{})
			k.repositories = append(k.repositories, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), soakTime())
		defer cancel()
		var wg sync.WaitGroup
		work := func(do func(ctx context.Context) error) {
			wg.Go(func() {
				for ctx.Err() == nil && !t.Failed() {
					if err := do(t.Context()); !refusedAs(err, registry.CodeLayersNotFound, registry.CodeImageNotFound, registry.CodeImageReferenced,
						registry.CodeReferencedImagesNotFound, registry.CodeRepositoryNotFound, registry.CodeRepositoryAlreadyExists, registry.CodeLayerReferenced) {
						t.Error(err)
					}
				}
			})
		}
		for range 6 {
			work(k.push)
		}
		for range 2 {
			work(k.delete)
		}
		for i, collector := range []collectFixture{k.collectFixture, other} {
			work(func(ctx context.Context) error {
				c, err := collector.CollectNow(ctx)
				k.freed[i].Add(c)
				return err
			})
		}
		work(k.readAll)
		wg.Wait()
		k.settle(t, k.repositories...)
		t.Logf("%d images pushed, %d refused because the collector was faster, %d blobs mounted, %d deletions; the collectors freed %+v and %+v",
			k.pushed.Load(), k.refused.Load(), k.mounted.Load(), k.deleted.Load(), k.freed[0], k.freed[1])
		if k.pushed.Load() == 0 || k.freed[0].Blobs+k.freed[1].Blobs == 0 {
			t.Error("the soak did nothing")
		}
	})
}

func (k *soak) any() registry.RepositoryName { return k.repositories[rand.IntN(len(k.repositories))] }

func anyTag() string { return fmt.Sprint("t", rand.IntN(5)) }

// soakedImages is how many different images there are: few, so that the same are
// pushed and deleted again and again.
const soakedImages = 12

// push uploads or mounts the blobs of an image that shares its layers with
// others, and pushes it, or an index of it.
func (k *soak) push(ctx context.Context) error {
	n, image := k.any(), k.images[rand.IntN(soakedImages)]
	for _, b := range image.blobs {
		if rand.IntN(4) == 0 {
			mounted, err := k.MountBlob(ctx, n, k.any().Name, digestOf(b))
			if err != nil {
				return err
			}
			if mounted {
				k.mounted.Add(1)
				continue
			}
		}
		if err := k.upload(ctx, n, [][]byte{b}); err != nil {
			return err
		}
	}
	_, err := k.PutImage(ctx, registry.NewImage{Repository: n, Payload: image.payload, Tags: []string{anyTag()}, Actor: actor})
	if err != nil {
		k.refused.Add(1)
		return err
	}
	k.pushed.Add(1)
	if rand.IntN(4) > 0 {
		return nil
	}
	_, err = k.PutImage(ctx, registry.NewImage{Repository: n, Payload: image.index, Tags: []string{anyTag()}, Actor: actor})
	return err
}

// A soakedImage has a layer that it shares with half of the others, and one of
// its own, in a file.
type soakedImage struct {
	payload, index []byte
	blobs          [][]byte
}

func newSoakedImage(t *testing.T, i int) soakedImage {
	config, shared, own := fmt.Appendf(nil, `{"n":%d}`, i), fmt.Append(nil, "shared ", i%2), largeLayer(fmt.Sprint("own ", i))
	c := describe(configType, config)
	payload := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &c, Layers: []descriptor{describe(layerType, shared), describe(layerType, own)}})
	index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, payload)}})
	return soakedImage{payload, index, [][]byte{config, shared, own}}
}

func (k *soak) delete(ctx context.Context) error {
	n, image := k.any(), k.images[rand.IntN(soakedImages)]
	k.deleted.Add(1)
	switch rand.IntN(20) {
	case 0:
		if _, err := k.DeleteRepository(ctx, n, true, actor); err != nil {
			return err
		}
		_, err := k.CreateRepository(ctx, registry.NewRepository{RepositoryName: n})
		return err
	case 1, 2:
		return k.DeleteBlob(ctx, n, digestOf(image.blobs[rand.IntN(len(image.blobs))]))
	case 3, 4, 5, 6, 7, 8:
		return k.DeleteTag(ctx, n, anyTag(), actor)
	case 9, 10, 11:
		_, _, err := k.DeleteImages(ctx, n, []registry.ImageID{{Tag: anyTag()}}, nil, actor)
		return err
	default:
		images, _, err := k.ListImages(ctx, n, registry.Untagged, registry.Cursor{}, 100)
		if err != nil || len(images) == 0 {
			return k.DeleteManifest(ctx, n, digestOf(image.payload), nil, actor)
		}
		return k.DeleteManifest(ctx, n, images[rand.IntN(len(images))].Digest, nil, actor)
	}
}

// readAll opens what the images of a repository have: whoever sees an image can
// pull it, unless it is deleted meanwhile.
func (k *soak) readAll(ctx context.Context) error {
	n := k.any()
	for _, image := range k.images {
		for _, b := range image.blobs {
			if _, err := k.Manifest(ctx, n, registry.ImageID{Digest: digestOf(image.payload)}); err != nil {
				return err
			}
			c, err := k.OpenBlob(ctx, n, digestOf(b))
			if err != nil {
				return err
			}
			if err := c.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}
