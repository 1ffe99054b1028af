package registry_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nifuda/nifuda/internal/registry"
)

// A model is what a repository is in the simplest words: which images there
// are, which tag points where, and what was said of a tag.
type model struct {
	images     map[string]bool
	tags       map[string]string
	history    map[string][]string
	mutability registry.Mutability
}

func (m *model) point(tag, digest string) {
	m.tags[tag] = digest
	m.history[tag] = append(m.history[tag], digest)
}

func (m *model) remove(tag string) {
	delete(m.tags, tag)
	m.history[tag] = append(m.history[tag], "")
}

func (m *model) tagsOf(digest string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(m.tags)) {
		if m.tags[name] == digest {
			names = append(names, name)
		}
	}
	return names
}

func (m *model) list() (ids []registry.ImageID) {
	ids = []registry.ImageID{}
	for _, name := range slices.Sorted(maps.Keys(m.tags)) {
		ids = append(ids, registry.ImageID{Digest: m.tags[name], Tag: name})
	}
	for _, digest := range slices.Sorted(maps.Keys(m.images)) {
		if m.tagsOf(digest) == nil {
			ids = append(ids, registry.ImageID{Digest: digest})
		}
	}
	return ids
}

// TestRandomHistoriesMatchTheModel drives random pushes, retags and deletions,
// and compares all that can be seen with the model after each step.
func TestRandomHistoriesMatchTheModel(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payloads := map[string][]byte{}
		for i := range 4 {
			payload := f.image(t, app, fmt.Sprint("image ", i))
			payloads[digestOf(payload)] = payload
		}
		digests := slices.Sorted(maps.Keys(payloads))
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			n := registry.RepositoryName{Registry: home, Name: fmt.Sprint("model/", round)}
			f.create(t, n, registry.TagMutability{})
			for i := range digests {
				f.image(t, n, fmt.Sprint("image ", i))
			}
			m := &model{map[string]bool{}, map[string]string{}, map[string][]string{}, registry.Mutable}
			anyDigest, anyTag := rapid.SampledFrom(digests), rapid.SampledFrom([]string{"a", "b", "c"})
			rt.Repeat(map[string]func(*rapid.T){
				"": func(rt *rapid.T) { f.compare(t, rt, n, m) },
				"push": func(rt *rapid.T) {
					f.pushToModel(t, rt, n, m, payloads[anyDigest.Draw(rt, "digest")], rapid.SliceOfNDistinct(anyTag, 0, 2, rapid.ID).Draw(rt, "tags"))
				},
				"batch delete": func(rt *rapid.T) {
					f.deleteFromModel(t, rt, n, m, rapid.SampledFrom([]registry.ImageID{
						{Digest: anyDigest.Draw(rt, "digest")}, {Tag: anyTag.Draw(rt, "tag")},
					}).Draw(rt, "id"))
				},
				"delete tag": func(rt *rapid.T) {
					tag := anyTag.Draw(rt, "tag")
					err := f.DeleteTag(t.Context(), n, tag, actor)
					if (err == nil) != (m.tags[tag] != "") {
						rt.Fatalf("delete tag %s: %v", tag, err)
					}
					if err == nil {
						m.remove(tag)
					}
				},
				"change mutability": func(rt *rapid.T) {
					m.mutability = rapid.SampledFrom([]registry.Mutability{registry.Mutable, registry.Immutable}).Draw(rt, "mutability")
					if err := f.SetTagMutability(t.Context(), n, registry.TagMutability{Mode: m.mutability}); err != nil {
						rt.Fatal(err)
					}
				},
			})
		})
	})
}

func (f fixture) pushToModel(t *testing.T, rt *rapid.T, n registry.RepositoryName, m *model, payload []byte, tags []string) {
	digest := digestOf(payload)
	refused := slices.ContainsFunc(tags, func(tag string) bool {
		return m.mutability == registry.Immutable && m.tags[tag] != "" && m.tags[tag] != digest
	})
	_, err := f.PutImage(t.Context(), registry.NewImage{Repository: n, Payload: payload, Tags: tags, Actor: actor})
	if refused {
		if refusal, ok := errors.AsType[*registry.Error](err); !ok || refusal.Code != registry.CodeImageTagAlreadyExists {
			rt.Fatalf("push to %v: got %v, want it refused", tags, err)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.images[digest] = true
	for _, tag := range tags {
		if m.tags[tag] != digest {
			m.point(tag, digest)
		}
	}
}

func (f fixture) deleteFromModel(t *testing.T, rt *rapid.T, n registry.RepositoryName, m *model, id registry.ImageID) {
	deleted, _, err := f.DeleteImages(t.Context(), n, []registry.ImageID{id}, actor)
	if err != nil {
		rt.Fatal(err)
	}
	digest, tags := id.Digest, []string{id.Tag}
	if id.Tag == "" {
		tags = m.tagsOf(digest)
	} else {
		digest = m.tags[id.Tag]
	}
	if !m.images[digest] {
		if len(deleted) != 0 {
			rt.Fatalf("deleted %v, which is not there", deleted)
		}
		return
	}
	for _, tag := range tags {
		m.remove(tag)
	}
	if m.tagsOf(digest) == nil {
		delete(m.images, digest)
	}
}

func (f fixture) compare(t *testing.T, rt *rapid.T, n registry.RepositoryName, m *model) {
	ids, _, err := f.ListImages(t.Context(), n, registry.Any, registry.Cursor{}, 100)
	if err != nil {
		rt.Fatal(err)
	}
	if diff := cmp.Diff(m.list(), ids); diff != "" {
		rt.Fatal(diff)
	}
	images, _, err := f.DescribeImages(t.Context(), n, registry.Any, registry.Cursor{}, 100)
	if err != nil || len(images) != len(m.images) {
		rt.Fatalf("%d images, %v, want %d", len(images), err, len(m.images))
	}
	for _, image := range images {
		if diff := cmp.Diff(m.tagsOf(image.Digest), image.Tags); diff != "" {
			rt.Fatal(diff)
		}
	}
	for tag, want := range m.history {
		changes, err := f.TagHistory(t.Context(), n, tag, 1000)
		if err != nil || len(changes) != len(want) {
			rt.Fatalf("history of %s has %d entries, %v, want %d", tag, len(changes), err, len(want))
		}
		for i, c := range changes {
			if c.To != want[len(want)-1-i] {
				rt.Fatalf("history of %s: entry %d goes to %q, want %q", tag, i, c.To, want[len(want)-1-i])
			}
		}
	}
}
