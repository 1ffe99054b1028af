package registry_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
)

// TestAPreviewIsWhatTheDeletionThenDoes deletes random lists of images and tags
// from random repositories after it was told what would go, and looks whether the
// preview has left everything as it was.
func TestAPreviewIsWhatTheDeletionThenDoes(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		w := newWorld(t)
		images := slices.Sorted(maps.Keys(w.images))
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			n := registry.RepositoryName{Registry: registry.ID{Account: home.Account, Region: "r" + strconv.Itoa(round)}, Name: "app"}
			neighbor := registry.RepositoryName{Registry: n.Registry, Name: "neighbor"}
			inNeighbor := rapid.SliceOfNDistinct(rapid.SampledFrom(images), 0, 2, rapid.ID).Draw(rt, "neighbor")
			f.pushWorld(t, w, n, images)
			f.pushWorld(t, w, neighbor, inNeighbor)
			f.tagRandomly(t, rt, w, n, images)
			ids := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) registry.ImageID {
				id := registry.ImageID{Digest: rapid.SampledFrom(append(images, "", digestOf(nil))).Draw(rt, "digest")}
				if id.Digest == "" || rapid.IntRange(0, 4).Draw(rt, "both") == 0 {
					id.Tag = rapid.SampledFrom(append(w.tags, "none")).Draw(rt, "tag")
				}
				return id
			}), 1, 8).Draw(rt, "ids")

			before := f.stateOf(t, n)
			preview, err := f.PreviewDeletion(t.Context(), n, ids, make([]*registry.SeenTags, len(ids)), actor)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(before, f.stateOf(t, n)); diff != "" {
				rt.Fatalf("the preview has changed something: %s", diff)
			}
			deleted, failures, err := f.DeleteImages(t.Context(), n, ids, nil, actor)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(failures, preview.Failures); diff != "" {
				rt.Errorf("failures: %s", diff)
			}
			went := map[string][]string{}
			for _, id := range deleted {
				tags := went[id.Digest]
				if id.Tag != "" {
					tags = append(tags, id.Tag)
				}
				went[id.Digest] = tags
			}
			after := f.stateOf(t, n)
			gone := map[string]bool{}
			for _, image := range preview.Images {
				if !slices.Equal(image.Tags, went[image.Digest]) {
					rt.Errorf("of %s went %v, and not %v", image.Digest, went[image.Digest], image.Tags)
				}
				delete(went, image.Digest)
				_, stays := after.Images[image.Digest]
				if gone[image.Digest] = image.ImageDeleted; stays == image.ImageDeleted {
					rt.Errorf("%s stays: %t, and the preview said that it goes: %t", image.Digest, stays, image.ImageDeleted)
				}
			}
			if len(went) > 0 || len(before.Images)-len(after.Images) != count(gone) {
				rt.Errorf("the preview did not tell of %v", went)
			}
			if want := w.freed(images, inNeighbor, gone); preview.FreedBytes != want || preview.Restorable != window {
				rt.Errorf("%d bytes would be freed, want %d (%v)", preview.FreedBytes, want, preview.Restorable)
			}
		})
	})
}

func count(set map[string]bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}

// pushWorld makes a repository of some images and what they refer to.
func (f fixture) pushWorld(t *testing.T, w *world, n registry.RepositoryName, images []string) {
	t.Helper()
	f.create(t, n, registry.TagMutability{})
	pushed := map[string]bool{}
	var push func(digest string)
	push = func(digest string) {
		image := w.images[digest]
		for _, child := range image.children {
			push(child)
		}
		if pushed[digest] {
			return
		}
		pushed[digest] = true
		for _, blob := range image.blobs {
			f.putBlob(t, n, w.blobs[blob])
		}
		f.push(t, n, image.payload)
	}
	for _, digest := range images {
		push(digest)
	}
}

func (f fixture) tagRandomly(t *testing.T, rt *rapid.T, w *world, n registry.RepositoryName, images []string) {
	t.Helper()
	for _, tag := range w.tags {
		if image := rapid.SampledFrom(append(images, "")).Draw(rt, tag); image != "" {
			f.push(t, n, w.images[image].payload, tag)
		}
	}
}

// freed is the size of the blobs of the images that are gone which no other one
// has, of the repository or its neighbor.
func (w *world) freed(images, neighbor []string, gone map[string]bool) (bytes int64) {
	stay := map[string]bool{}
	for _, digest := range neighbor {
		for _, image := range append(w.tree(digest), digest) {
			for _, blob := range w.images[image].blobs {
				stay[blob] = true
			}
		}
	}
	for _, digest := range images {
		for _, blob := range w.images[digest].blobs {
			stay[blob] = stay[blob] || !gone[digest]
		}
	}
	for blob, stays := range stay {
		if !stays {
			bytes += int64(len(w.blobs[blob]))
		}
	}
	return bytes
}

// A state is what can be seen of a repository.
type state struct {
	Images  map[string]registry.Image
	Deleted []registry.DeletedImage
	Events  []store.Event
	Usage   store.Usage
}

func (f fixture) stateOf(t *testing.T, n registry.RepositoryName) state {
	t.Helper()
	images, _, err := f.DescribeImages(t.Context(), n, registry.Any, registry.Cursor{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	s := state{Images: map[string]registry.Image{}}
	for _, image := range images {
		s.Images[image.Digest] = image
	}
	if s.Deleted, _, err = f.DeletedImages(t.Context(), n, registry.DeletedFilter{}, registry.Cursor{}, 1000); err != nil {
		t.Fatal(err)
	}
	events, err := f.store.Events(t.Context(), "", 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	s.Events = slices.DeleteFunc(events, func(e store.Event) bool { return e.Region != n.Registry.Region })
	repository, err := f.Repository(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if s.Usage, err = f.store.RepositoryUsage(t.Context(), repository.ID); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAPreviewIsRefusedAsTheDeletionIs: for a repository that there is not, and for
// tags that came after they were looked at.
func TestAPreviewIsRefusedAsTheDeletionIs(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		none := registry.RepositoryName{Registry: home, Name: "none"}
		ids := []registry.ImageID{{Tag: "v1"}}
		_, err := f.PreviewDeletion(t.Context(), none, ids, make([]*registry.SeenTags, 1), actor)
		wantCode(t, err, registry.CodeRepositoryNotFound)

		image := f.image(t, app, "one")
		digest := f.push(t, app, image, "v1").Digest
		seen := f.SeenTags(app, digest)
		if _, err := seen.See(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.push(t, app, image, "v2")
		_, err = f.PreviewDeletion(t.Context(), app, []registry.ImageID{{Digest: digest}}, []*registry.SeenTags{seen}, actor)
		wantCode(t, err, registry.CodeTagsChanged)

		preview, err := f.PreviewDeletion(t.Context(), app, ids, make([]*registry.SeenTags, 1), actor)
		want := registry.DeletionPreview{Images: []registry.PreviewedDeletion{{Digest: digest, Tags: []string{"v1"}}}, Restorable: time.Duration(0)}
		if diff := cmp.Diff(want, preview); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
