package registry_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// TestRestoreAgainstPurge: of two nodes whose clocks differ one restores what is
// just not too old, and the other one purges it. One of them wins wholly.
func TestRestoreAgainstPurge(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		slow, fast := newClock(), newClock()
		f := fixture{openRestorable(t, s, t.TempDir(), slow), s, slow}
		purger := openRestorable(t, s, t.TempDir(), fast)
		fast.advance(window)
		f.create(t, app, registry.TagMutability{})
		payload := f.image(t, app, "one")
		for range 20 {
			f.push(t, app, payload, "v1")
			f.delete(t, app, digestOf(payload))
			var restored error
			var purged int
			var wg sync.WaitGroup
			wg.Go(func() {
				_, restored = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
			})
			wg.Go(func() {
				var err error
				if purged, err = purger.PurgeDeletedImages(t.Context(), 100); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if !refusedAs(restored, registry.CodeImageNotFound) {
				t.Fatal(restored)
			}
			_, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v1"})
			if (err == nil) != (restored == nil) {
				t.Fatalf("the restoration says %v, and the image %v", restored, err)
			}
			if left := f.deletedImages(t, registry.DeletedFilter{}); len(left) != 0 || restored != nil && purged != 1 {
				t.Fatalf("purged %d, left %v, restored: %v", purged, left, restored)
			}
		}
	})
}

// TestTwoRestoresOfOneImage: all succeed, one of them brought it back, and its tag
// moved once.
func TestTwoRestoresOfOneImage(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		for round := range 10 {
			f.push(t, app, payload, "v1")
			f.delete(t, app, digestOf(payload))
			var made atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					restored, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
					if err != nil {
						t.Error(err)
					}
					if !restored.Existed {
						made.Add(1)
					}
				})
			}
			wg.Wait()
			changes, _, err := f.TagHistory(t.Context(), app, "v1", registry.Cursor{}, 100)
			if made.Load() != 1 || err != nil || len(changes) != 2*round+3 {
				t.Fatalf("%d restorations brought it back, and the history is %v, %v", made.Load(), changes, err)
			}
		}
	})
}

// TestRestoreAgainstBlobDelete: an image never comes back without its layers.
func TestRestoreAgainstBlobDelete(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		layer := describe(layerType, []byte("layer one")).Digest.String()
		for range 20 {
			payload := f.image(t, app, "one")
			f.push(t, app, payload, "v1")
			f.delete(t, app, digestOf(payload))
			var restored, deleted error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, restored = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
			})
			wg.Go(func() { deleted = f.DeleteBlob(t.Context(), app, layer) })
			wg.Wait()
			if !refusedAs(restored, registry.CodeImageNotFound) || !refusedAs(deleted, registry.CodeLayerReferenced) {
				t.Fatal(restored, deleted)
			}
			if (restored == nil) == (deleted == nil) {
				t.Fatalf("restoration: %v, deletion: %v; exactly one must win", restored, deleted)
			}
		}
	})
}

// TestDeleteAgainstBlobDelete: the deletion of a blob succeeds when nobody but
// deleted images has it, however they come to be.
func TestDeleteAgainstBlobDelete(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		layer := describe(layerType, []byte("layer one")).Digest.String()
		for range 20 {
			payload := f.image(t, app, "one")
			f.push(t, app, payload)
			var deleted error
			var wg sync.WaitGroup
			wg.Go(func() { f.delete(t, app, digestOf(payload)) })
			wg.Go(func() { deleted = f.DeleteBlob(t.Context(), app, layer) })
			wg.Wait()
			if !refusedAs(deleted, registry.CodeLayerReferenced) {
				t.Fatal(deleted)
			}
			if left := f.deletedImages(t, registry.DeletedFilter{}); (deleted == nil) != (len(left) == 0) {
				t.Fatalf("deletion: %v, restorable: %v", deleted, left)
			}
			if deleted != nil {
				if err := f.DeleteBlob(t.Context(), app, layer); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestRestoreRepositoryAgainstCreate: a name has one repository.
func TestRestoreRepositoryAgainstCreate(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		for range 15 {
			old, err := f.DeleteRepository(t.Context(), app, true, actor)
			if err != nil {
				t.Fatal(err)
			}
			var restored, created error
			var back, anew registry.Repository
			var wg sync.WaitGroup
			wg.Go(func() {
				back, restored = f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: app, ID: old.ID})
			})
			wg.Go(func() {
				anew, created = f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: app})
			})
			wg.Wait()
			if !refusedAs(restored, registry.CodeRepositoryAlreadyExists) || !refusedAs(created, registry.CodeRepositoryAlreadyExists) {
				t.Fatal(restored, created)
			}
			if (restored == nil) == (created == nil) {
				t.Fatalf("restoration: %v, creation: %v; exactly one must win", restored, created)
			}
			want := back.ID + anew.ID
			if got, err := f.Repository(t.Context(), app); err != nil || got.ID != want {
				t.Fatalf("the repository is %v, %v, want %s", got, err, want)
			}
		}
	})
}

// TestTwoRestoresOfOneRepository: one brings it back, under its name.
func TestTwoRestoresOfOneRepository(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		for range 10 {
			if _, err := f.DeleteRepository(t.Context(), app, true, actor); err != nil {
				t.Fatal(err)
			}
			var made atomic.Int32
			var wg sync.WaitGroup
			for _, name := range []string{"app", "other"} {
				wg.Go(func() {
					back, err := f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: app, NewName: name})
					if !refusedAs(err, registry.CodeRepositoryNotFound) {
						t.Error(err)
					}
					if err != nil {
						return
					}
					made.Add(1)
					if name == "other" {
						if _, err := f.DeleteRepository(t.Context(), back.RepositoryName, true, actor); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if made.Load() != 1 {
				t.Fatalf("%d restorations succeeded", made.Load())
			}
			if _, err := f.Repository(t.Context(), app); err != nil {
				f.create(t, app, registry.TagMutability{})
			}
		}
	})
}

// TestRestoreAgainstPushOfAnImmutableTag: who is first has the tag, and the other
// one does not move it.
func TestRestoreAgainstPushOfAnImmutableTag(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Immutable}, actor); err != nil {
			t.Fatal(err)
		}
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		restorations := map[string]func() (bool, error){
			"tag": func() (bool, error) {
				_, err := f.RestoreTag(t.Context(), registry.TagRestoration{Repository: app, Tag: "v1", Sequence: 1, Actor: actor})
				return err == nil, err
			},
			"image": func() (bool, error) {
				restored, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(one), Actor: actor})
				return len(restored.Tags) == 1, err
			},
		}
		f.push(t, app, one, "v1") // the history's first
		for what, restore := range restorations {
			for range 10 {
				f.delete(t, app, digestOf(one))
				f.clock.advance(time.Minute)
				var restored bool
				var refused, pushed error
				var wg sync.WaitGroup
				wg.Go(func() { restored, refused = restore() })
				wg.Go(func() {
					_, pushed = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{"v1"}, Actor: actor})
				})
				wg.Wait()
				if !refusedAs(refused, registry.CodeImageTagAlreadyExists) || !refusedAs(pushed, registry.CodeImageTagAlreadyExists) {
					t.Fatal(refused, pushed)
				}
				if restored == (pushed == nil) {
					t.Fatalf("%s: restored %t, %v, and the push says %v; exactly one must win", what, restored, refused, pushed)
				}
				want := digestOf(two)
				if restored {
					want = digestOf(one)
				}
				if m, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v1"}); err != nil || m.Digest != want {
					t.Fatalf("the tag points at %s, %v", m.Digest, err)
				}
				changes, _, err := f.TagHistory(t.Context(), app, "v1", registry.Cursor{}, 1)
				if diff := cmp.Diff(want, changes[0].Digest); err != nil || diff != "" {
					t.Fatal(err, diff)
				}
				// Both are there again, and the tag is one's.
				if err := f.DeleteTag(t.Context(), app, "v1", actor); err != nil {
					t.Fatal(err)
				}
				f.push(t, app, one, "v1")
			}
		}
	})
}

// twoNodes are registries over one database and one blob store, of which the
// second one's clock is a window ahead: what the first one can only just restore
// is too old for it. Neither keeps what nobody uses.
func twoNodes(t *testing.T, test func(t *testing.T, f collectFixture, ahead *registry.Registry)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newCollectFixture(t, s, func(o *registry.Options) { o.UndeleteWindow = window })
		fast := newClock()
		fast.advance(window)
		test(t, f, openRestorable(t, s, f.dir, fast))
	})
}

// TestRestoreAgainstLinkCollector: an image that came back has all its layers,
// whatever is collected meanwhile.
func TestRestoreAgainstLinkCollector(t *testing.T) {
	twoNodes(t, func(t *testing.T, f collectFixture, ahead *registry.Registry) {
		for range 20 {
			payload := f.image(t, app, "one")
			f.push(t, app, payload, "v1")
			f.delete(t, app, digestOf(payload))
			var restored error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, restored = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
			})
			wg.Go(func() {
				if _, err := ahead.CollectNow(t.Context()); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if !refusedAs(restored, registry.CodeImageNotFound) {
				t.Fatal(restored)
			}
			if _, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v1"}); (err == nil) != (restored == nil) {
				t.Fatalf("the restoration says %v, and the image %v", restored, err)
			}
			f.checkImages(t, app)
		}
	})
}

// TestRestoreRepositoryAgainstPurge: a repository comes back whole or not at all.
func TestRestoreRepositoryAgainstPurge(t *testing.T) {
	twoNodes(t, func(t *testing.T, f collectFixture, ahead *registry.Registry) {
		for range 20 {
			f.push(t, app, f.image(t, app, "one"), "v1")
			f.push(t, app, f.image(t, app, "two"), "v2")
			if _, err := f.DeleteRepository(t.Context(), app, true, actor); err != nil {
				t.Fatal(err)
			}
			var restored error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, restored = f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: app})
			})
			wg.Go(func() {
				if _, err := ahead.CollectNow(t.Context()); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if !refusedAs(restored, registry.CodeRepositoryNotFound) {
				t.Fatal(restored)
			}
			if restored != nil {
				f.create(t, app, registry.TagMutability{})
				continue
			}
			if got := f.tagged(t, registry.Tagged); len(got) != 2 {
				t.Fatalf("came back with %v", got)
			}
			f.checkImages(t, app)
		}
	})
}

// TestRestoreOfAnIndexAgainstPurge: an index comes back with its images or not at
// all.
func TestRestoreOfAnIndexAgainstPurge(t *testing.T) {
	twoNodes(t, func(t *testing.T, f collectFixture, ahead *registry.Registry) {
		for range 20 {
			one, two := f.image(t, app, "one"), f.image(t, app, "two")
			index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{
				describe(manifest.MediaTypeImage, one), describe(manifest.MediaTypeImage, two),
			}})
			f.push(t, app, one)
			f.push(t, app, two)
			f.push(t, app, index, "v1")
			for _, payload := range [][]byte{index, two, one} {
				f.delete(t, app, digestOf(payload))
			}
			var restored error
			var wg sync.WaitGroup
			wg.Go(func() {
				_, restored = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(index)})
			})
			wg.Go(func() {
				for purged := 1; purged > 0; {
					var err error
					if purged, err = ahead.PurgeDeletedImages(t.Context(), 1); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Wait()
			if !refusedAs(restored, registry.CodeImageNotFound, registry.CodeReferencedImagesNotFound) {
				t.Fatal(restored)
			}
			want := 0
			if restored == nil {
				want = 3
			}
			if got, _, err := f.DescribeImages(t.Context(), app, registry.Any, registry.Cursor{}, 100); err != nil || len(got) != want {
				t.Fatalf("the restoration says %v, and there are %d images, %v", restored, len(got), err)
			}
			if left := f.deletedImages(t, registry.DeletedFilter{}); len(left) != 0 {
				t.Fatalf("left are %v", left)
			}
			for _, id := range []string{digestOf(index), digestOf(one), digestOf(two)} {
				if err := f.DeleteManifest(t.Context(), app, id, nil, actor); !refusedAs(err, registry.CodeImageNotFound) {
					t.Fatal(err)
				}
			}
			if _, err := ahead.CollectNow(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
