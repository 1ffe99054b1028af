package registry_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

// refusedAs reports whether err is nil or one of the refusals that a race may end in.
func refusedAs(err error, codes ...registry.Code) bool {
	refusal, ok := errors.AsType[*registry.Error](err)
	return err == nil || ok && slices.Contains(codes, refusal.Code)
}

// TestConcurrentRetagsAndDeletesKeepTheUntaggedListRight: who removes an
// image's last tag, and who adds one, must not both believe the other did nothing.
func TestConcurrentRetagsAndDeletesKeepTheUntaggedListRight(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		var payloads [][]byte
		for i := range 3 {
			payloads = append(payloads, f.image(t, app, fmt.Sprint("image ", i)))
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 30 {
					tag, payload := fmt.Sprint("t", rand.IntN(3)), payloads[rand.IntN(3)]
					var err error
					switch rand.IntN(4) {
					case 0:
						err = f.DeleteTag(t.Context(), app, tag, actor)
					case 1:
						_, _, err = f.DeleteImages(t.Context(), app, []registry.ImageID{{Tag: tag}}, actor)
					default:
						_, err = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{tag}})
					}
					if !refusedAs(err, registry.CodeImageNotFound) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var want []string
		images, _, err := f.DescribeImages(t.Context(), app, registry.Any, registry.Cursor{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range images {
			if image.Tags == nil {
				want = append(want, "@"+image.Digest)
			}
		}
		if diff := cmp.Diff(want, f.tagged(t, registry.Untagged)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestIndexPushAgainstChildDelete: an index never refers to an image that is gone.
func TestIndexPushAgainstChildDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		child := f.image(t, app, "child")
		index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}})
		for range 30 {
			f.push(t, app, child)
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: index})
				if !refusedAs(err, registry.CodeReferencedImagesNotFound) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := f.DeleteManifest(t.Context(), app, digestOf(child), actor); !refusedAs(err, registry.CodeImageReferenced) {
					t.Error(err)
				}
			})
			wg.Wait()
			ids := f.tagged(t, registry.Any)
			if slices.Contains(ids, "@"+digestOf(index)) && !slices.Contains(ids, "@"+digestOf(child)) {
				t.Fatal("the index is there and its child is not")
			}
			if err := f.DeleteManifest(t.Context(), app, digestOf(index), actor); !refusedAs(err, registry.CodeImageNotFound) {
				t.Fatal(err)
			}
		}
	})
}

// TestPushAgainstBlobDelete: an image never refers to a blob that is gone.
func TestPushAgainstBlobDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		layer := describe(layerType, []byte("layer one"))
		for range 30 {
			payload := f.image(t, app, "one")
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
				if !refusedAs(err, registry.CodeLayersNotFound) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := f.DeleteBlob(t.Context(), app, layer.Digest.String()); !refusedAs(err, registry.CodeLayerReferenced) {
					t.Error(err)
				}
			})
			wg.Wait()
			_, errImage := f.Manifest(t.Context(), app, registry.ImageID{Digest: digestOf(payload)})
			_, errBlob := f.CheckBlob(t.Context(), app, layer.Digest.String())
			if errImage == nil && errBlob != nil {
				t.Fatal("the image is there and its layer is not")
			}
			if err := f.DeleteManifest(t.Context(), app, digestOf(payload), actor); !refusedAs(err, registry.CodeImageNotFound) {
				t.Fatal(err)
			}
		}
	})
}

// TestPushAgainstMutabilityChange: a tag that was acknowledged while the
// repository was immutable does not move.
func TestPushAgainstMutabilityChange(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		for i := range 20 {
			tag := fmt.Sprint("v", i)
			f.push(t, app, one, tag)
			if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Mutable}); err != nil {
				t.Fatal(err)
			}
			var pushed, changed error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, pushed = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{tag}})
			})
			wg.Go(func() {
				changed = f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Immutable})
			})
			wg.Wait()
			if changed != nil || !refusedAs(pushed, registry.CodeImageTagAlreadyExists) {
				t.Fatal(changed, pushed)
			}
			m, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: tag})
			if err != nil || (pushed == nil) != (m.Digest == digestOf(two)) {
				t.Errorf("the push ended in %v and the tag points at %s, %v", pushed, m.Digest, err)
			}
			_, err = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: f.image(t, app, "three"), Tags: []string{tag}})
			wantCode(t, err, registry.CodeImageTagAlreadyExists)
		}
	})
}

// TestDeleteRepositoryAgainstPush: a repository that was deleted holds nothing,
// and one that holds an image was not deleted without force.
func TestDeleteRepositoryAgainstPush(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for range 20 {
			payload := f.image(t, app, "one")
			var pushed, deleted error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, pushed = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{"v1"}})
			})
			wg.Go(func() { _, deleted = f.DeleteRepository(t.Context(), app, false) })
			wg.Wait()
			if !refusedAs(pushed, registry.CodeRepositoryNotFound) || !refusedAs(deleted, registry.CodeRepositoryNotEmpty) {
				t.Fatal(pushed, deleted)
			}
			if (pushed == nil) == (deleted == nil) {
				t.Fatalf("push: %v, delete: %v; exactly one must win", pushed, deleted)
			}
			if deleted != nil {
				if _, err := f.DeleteRepository(t.Context(), app, true); err != nil {
					t.Fatal(err)
				}
			}
			f.create(t, app, registry.TagMutability{})
		}
	})
}
