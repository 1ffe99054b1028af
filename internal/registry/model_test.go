package registry_test

import (
	"errors"
	"flag"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

// A model is what a repository is in the simplest words: which blobs and images
// there are, which tag points where, what was said of a tag, which tags may move,
// and what was deleted and can come back. Each of its operations does what the repository must do, and returns
// the refusal's code, or "" for none.
type model struct {
	world   *world
	blobs   map[string]bool
	images  map[string]bool
	tags    map[string]string
	history map[string][]string
	movable []string
	deleted []deletedImage // oldest first
}

// A deletedImage is one that can come back, with the tags that it had.
type deletedImage struct {
	digest string
	tags   []string
}

func newModel(w *world, movable []string) *model {
	return &model{w, map[string]bool{}, map[string]bool{}, map[string]string{}, map[string][]string{}, movable, nil}
}

func (m *model) push(digest string, tags []string) registry.Code {
	image := m.world.images[digest]
	switch {
	case slices.ContainsFunc(image.blobs, func(d string) bool { return !m.blobs[d] }):
		return registry.CodeLayersNotFound
	case slices.ContainsFunc(image.children, func(d string) bool { return !m.images[d] }):
		return registry.CodeReferencedImagesNotFound
	}
	for _, tag := range tags {
		if old := m.tags[tag]; old != "" && old != digest && !slices.Contains(m.movable, tag) {
			return registry.CodeImageTagAlreadyExists
		}
	}
	m.images[digest] = true
	for _, tag := range tags {
		if m.tags[tag] != digest {
			m.tags[tag] = digest
			m.history[tag] = append(m.history[tag], digest)
		}
	}
	return ""
}

func (m *model) deleteTag(tag string) registry.Code {
	if m.tags[tag] == "" {
		return registry.CodeImageNotFound
	}
	delete(m.tags, tag)
	m.history[tag] = append(m.history[tag], "")
	return ""
}

func (m *model) deleteImage(digest string) registry.Code {
	if !m.images[digest] {
		return registry.CodeImageNotFound
	}
	for parent := range m.images {
		if slices.Contains(m.world.images[parent].children, digest) {
			return registry.CodeImageReferenced
		}
	}
	m.deleted = append(m.deleted, deletedImage{digest, m.tagsOf(digest)})
	for _, tag := range m.tagsOf(digest) {
		m.deleteTag(tag)
	}
	delete(m.images, digest)
	return ""
}

// newest returns the newest deletion of an image, or -1.
func (m *model) newest(digest string) int {
	for i, d := range slices.Backward(m.deleted) {
		if d.digest == digest {
			return i
		}
	}
	return -1
}

// restore brings back the deletion of an image with those of some tags that are
// free, and what it refers to.
func (m *model) restore(deletion int, tags []string) registry.Code {
	digest := m.deleted[deletion].digest
	for _, child := range append(m.world.tree(digest), digest) {
		if !m.images[child] && m.newest(child) < 0 {
			return registry.CodeReferencedImagesNotFound
		}
	}
	m.deleted = slices.Delete(m.deleted, deletion, deletion+1)
	for _, child := range m.world.tree(digest) {
		if !m.images[child] {
			at := m.newest(child)
			m.deleted = slices.Delete(m.deleted, at, at+1)
			m.images[child] = true
		}
	}
	m.images[digest] = true
	for _, tag := range tags {
		if m.tags[tag] == "" {
			m.tags[tag] = digest
			m.history[tag] = append(m.history[tag], digest)
		}
	}
	return ""
}

// restoreImage brings back the newest deletion of an image.
func (m *model) restoreImage(digest string, withoutTags bool) registry.Code {
	deletion := m.newest(digest)
	switch {
	case deletion >= 0 && withoutTags:
		return m.restore(deletion, nil)
	case deletion >= 0:
		return m.restore(deletion, m.deleted[deletion].tags)
	case !m.images[digest]:
		return registry.CodeImageNotFound
	}
	return ""
}

// restoreTag brings a tag back to where it once was.
func (m *model) restoreTag(tag string, sequence int) registry.Code {
	if sequence > len(m.history[tag]) || m.history[tag][sequence-1] == "" {
		return registry.CodeImageNotFound
	}
	digest := m.history[tag][sequence-1]
	old := m.tags[tag]
	stays := old != "" && old != digest && !slices.Contains(m.movable, tag)
	deletion := m.newest(digest)
	switch {
	case !m.images[digest] && deletion < 0:
		return registry.CodeImageNotFound
	case !m.images[digest]:
		for _, child := range m.world.tree(digest) {
			if !m.images[child] && m.newest(child) < 0 {
				return registry.CodeReferencedImagesNotFound
			}
		}
		if stays {
			return registry.CodeImageTagAlreadyExists
		}
		m.restore(deletion, nil)
	}
	return m.push(digest, []string{tag})
}

// deleteByTag is ECR's way: the image goes with its last tag.
func (m *model) deleteByTag(tag string) registry.Code {
	if digest := m.tags[tag]; len(m.tagsOf(digest)) == 1 {
		return m.deleteImage(digest)
	}
	return m.deleteTag(tag)
}

func (m *model) deleteBlob(digest string) registry.Code {
	if !m.blobs[digest] {
		return registry.CodeLayersNotFound
	}
	for image := range m.images {
		if slices.Contains(m.world.images[image].blobs, digest) {
			return registry.CodeLayerReferenced
		}
	}
	delete(m.blobs, digest)
	m.deleted = slices.DeleteFunc(m.deleted, func(d deletedImage) bool { return slices.Contains(m.world.images[d.digest].blobs, digest) })
	return ""
}

func (m *model) deleteRepository(force bool) registry.Code {
	if len(m.images) > 0 && !force {
		return registry.CodeRepositoryNotEmpty
	}
	*m = *newModel(m.world, m.movable)
	return ""
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

func (m *model) referrers(subject string) (digests []string) {
	for _, digest := range slices.Sorted(maps.Keys(m.images)) {
		if m.world.images[digest].subject == subject {
			digests = append(digests, digest)
		}
	}
	return digests
}

// A world is all that a random history can push, and under which settings.
type world struct {
	blobs    map[string][]byte
	images   map[string]pushable
	tags     []string
	settings []setting
}

// A pushable is a manifest and what it refers to.
type pushable struct {
	payload         []byte
	blobs, children []string
	subject         string
}

// A setting says in two ways which tags may move: to the registry, and to the
// model, which knows nothing of filters.
type setting struct {
	registry.TagMutability
	movable []string
}

// newWorld makes three images with layers in common, an index of two of them,
// an index of that index, and signatures of an image and of an index.
func newWorld(t *testing.T) *world {
	w := &world{blobs: map[string][]byte{}, images: map[string]pushable{}, tags: []string{"a", "ab", "b"}}
	blob := func(mediaType, content string) descriptor {
		d := describe(mediaType, []byte(content))
		w.blobs[d.Digest.String()] = []byte(content)
		return d
	}
	image := func(text imageText) descriptor {
		text.MediaType = manifest.MediaTypeImage
		if text.Config == nil {
			text.MediaType = manifest.MediaTypeIndex
		}
		payload := encode(t, text)
		p := pushable{payload: payload}
		if text.Config != nil {
			p.blobs = append(p.blobs, text.Config.Digest.String())
		}
		for _, layer := range text.Layers {
			p.blobs = append(p.blobs, layer.Digest.String())
		}
		for _, child := range text.Manifests {
			p.children = append(p.children, child.Digest.String())
		}
		if text.Subject != nil {
			p.subject = text.Subject.Digest.String()
		}
		w.images[digestOf(payload)] = p
		return describe(text.MediaType, payload)
	}
	config := blob(configType, "{}")
	var layers []descriptor
	for i := range 3 {
		layers = append(layers, blob(layerType, "layer "+strconv.Itoa(i)))
	}
	first := image(imageText{Config: &config, Layers: layers[:1]})
	second := image(imageText{Config: &config, Layers: layers[:2]})
	image(imageText{Config: &config, Layers: layers[2:]})
	index := image(imageText{Manifests: []descriptor{first, second}})
	image(imageText{Manifests: []descriptor{index, second}})
	image(imageText{Config: &config, Subject: &first})
	image(imageText{Config: &config, Subject: &index})
	mutability := func(mode registry.Mutability, filters ...string) registry.TagMutability {
		return registry.TagMutability{Mode: mode, Exclusions: filters}
	}
	w.settings = []setting{
		{mutability(registry.Mutable), w.tags},
		{mutability(registry.Immutable), nil},
		{mutability(registry.ImmutableWithExclusion, "a*"), []string{"a", "ab"}},
		{mutability(registry.ImmutableWithExclusion, "b", "ab"), []string{"ab", "b"}},
		{mutability(registry.MutableWithExclusion, "a*"), []string{"b"}},
		{mutability(registry.MutableWithExclusion, "*b"), []string{"a"}},
	}
	return w
}

// tree returns what an index refers to, itself or through another one, parents
// first.
func (w *world) tree(index string) (digests []string) {
	for _, child := range w.images[index].children {
		digests = append(append(digests, child), w.tree(child)...)
	}
	return digests
}

// TestRandomHistoriesMatchTheModel drives random pushes, retags, deletions,
// restorations, uploads, mounts and changes of settings, and compares all that can be seen
// with the model after each step.
func TestRandomHistoriesMatchTheModel(t *testing.T) {
	// Each step is a dozen queries. Every run draws other histories, and
	// -rapid.checks asks for more of them.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("50"); err != nil {
			t.Fatal(err)
		}
	}
	eachRestorable(t, func(t *testing.T, f fixture) {
		w := newWorld(t)
		depot := registry.RepositoryName{Registry: home, Name: "depot"}
		f.create(t, depot, registry.TagMutability{})
		for _, content := range w.blobs {
			f.putBlob(t, depot, content)
		}
		anyBlob := rapid.SampledFrom(slices.Sorted(maps.Keys(w.blobs)))
		anyImage := rapid.SampledFrom(slices.Sorted(maps.Keys(w.images)))
		anyIndex := anyImage.Filter(func(digest string) bool { return len(w.images[digest].children) > 0 })
		anyTag := rapid.SampledFrom(w.tags)
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			n := registry.RepositoryName{Registry: home, Name: "model/" + strconv.Itoa(round)}
			set := rapid.SampledFrom(w.settings).Draw(rt, "setting")
			f.create(t, n, set.TagMutability)
			m := newModel(w, set.movable)
			f.mountAll(t, rt, n, depot, m)
			push := func(rt *rapid.T, digest string, tags []string) {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: n, Payload: w.images[digest].payload, Tags: tags, Actor: actor})
				wantCodeOrNone(rt, err, m.push(digest, tags))
			}
			rt.Repeat(map[string]func(*rapid.T){
				"": func(rt *rapid.T) { f.compare(t, rt, n, m) },
				"upload": func(rt *rapid.T) {
					digest := anyBlob.Draw(rt, "blob")
					completed, err := f.PutBlob(t.Context(), n, registry.Completion{
						Part: completion(w.blobs[digest]).Part, Digests: []string{digest},
					})
					wantCodeOrNone(rt, err, "")
					if completed.Existed != m.blobs[digest] {
						rt.Fatalf("existed: %t", completed.Existed)
					}
					m.blobs[digest] = true
				},
				"mount": func(rt *rapid.T) { f.mountAll(t, rt, n, depot, m) },
				"push": func(rt *rapid.T) {
					push(rt, anyImage.Draw(rt, "image"), rapid.SliceOfNDistinct(anyTag, 0, 2, rapid.ID).Draw(rt, "tags"))
				},
				"push index": func(rt *rapid.T) { // with what it refers to, as clients do
					index := anyIndex.Draw(rt, "index")
					for _, digest := range slices.Backward(w.tree(index)) {
						push(rt, digest, nil)
					}
					push(rt, index, []string{anyTag.Draw(rt, "tag")})
				},
				"retag": func(rt *rapid.T) {
					if len(m.images) == 0 {
						rt.Skip()
					}
					push(rt, rapid.SampledFrom(slices.Sorted(maps.Keys(m.images))).Draw(rt, "image"), []string{anyTag.Draw(rt, "tag")})
				},
				"delete tag": func(rt *rapid.T) {
					tag := anyTag.Draw(rt, "tag")
					wantCodeOrNone(rt, f.DeleteTag(t.Context(), n, tag, actor), m.deleteTag(tag))
				},
				"delete image": func(rt *rapid.T) {
					digest := anyImage.Draw(rt, "image")
					wantCodeOrNone(rt, f.DeleteManifest(t.Context(), n, digest, nil, actor), m.deleteImage(digest))
				},
				"batch delete by tag": func(rt *rapid.T) {
					tag := anyTag.Draw(rt, "tag")
					f.batchDelete(t, rt, n, registry.ImageID{Tag: tag}, m.deleteByTag(tag))
				},
				"batch delete by digest": func(rt *rapid.T) {
					digest := anyImage.Draw(rt, "image")
					f.batchDelete(t, rt, n, registry.ImageID{Digest: digest}, m.deleteImage(digest))
				},
				"delete blob": func(rt *rapid.T) {
					digest := anyBlob.Draw(rt, "blob")
					wantCodeOrNone(rt, f.DeleteBlob(t.Context(), n, digest), m.deleteBlob(digest))
				},
				"restore image": func(rt *rapid.T) {
					digest := anyImage.Draw(rt, "image")
					withoutTags := rapid.IntRange(0, 3).Draw(rt, "without tags") == 0
					_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: n, Digest: digest, WithoutTags: withoutTags, Actor: actor})
					wantCodeOrNone(rt, err, m.restoreImage(digest, withoutTags))
				},
				"undo deletion": func(rt *rapid.T) {
					if len(m.deleted) == 0 {
						rt.Skip()
					}
					i := rapid.IntRange(0, len(m.deleted)-1).Draw(rt, "deletion")
					listed, _, err := f.DeletedImages(t.Context(), n, registry.DeletedFilter{}, registry.Cursor{}, 1000)
					wantCodeOrNone(rt, err, "")
					id := listed[len(listed)-1-i].DeletionID
					_, err = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: n, DeletionID: id, Actor: actor})
					wantCodeOrNone(rt, err, m.restore(i, m.deleted[i].tags))
				},
				"restore tag": func(rt *rapid.T) {
					tag := anyTag.Draw(rt, "tag")
					sequence := rapid.IntRange(1, len(m.history[tag])+1).Draw(rt, "sequence")
					_, err := f.RestoreTag(t.Context(), registry.TagRestoration{Repository: n, Tag: tag, Sequence: int64(sequence), Actor: actor})
					wantCodeOrNone(rt, err, m.restoreTag(tag, sequence))
				},
				"restore repository": func(rt *rapid.T) {
					_, err := f.DeleteRepository(t.Context(), n, true, actor)
					wantCodeOrNone(rt, err, "")
					_, err = f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: n, Actor: actor})
					wantCodeOrNone(rt, err, "")
				},
				"let time pass": func(rt *rapid.T) {
					if rapid.IntRange(0, 9).Draw(rt, "long") > 0 {
						rt.Skip() // there would seldom be much to restore
					}
					f.clock.advance(window)
					m.deleted = nil
					if rapid.Bool().Draw(rt, "purge") {
						_, err := f.PurgeDeletedImages(t.Context(), 1000)
						wantCodeOrNone(rt, err, "")
					}
				},
				"change mutability": func(rt *rapid.T) {
					set = rapid.SampledFrom(w.settings).Draw(rt, "setting")
					wantCodeOrNone(rt, f.SetTagMutability(t.Context(), n, set.TagMutability, actor), "")
					m.movable = set.movable
				},
				"delete repository": func(rt *rapid.T) {
					force := rapid.IntRange(0, 9).Draw(rt, "force") == 0
					if !force && len(m.images) == 0 {
						rt.Skip() // histories would seldom get anywhere
					}
					_, err := f.DeleteRepository(t.Context(), n, force, actor)
					wantCodeOrNone(rt, err, m.deleteRepository(force))
					if err == nil {
						f.create(t, n, set.TagMutability)
					}
				},
			})
		})
	})
}

// mountAll mounts every blob of the depot.
func (f fixture) mountAll(t *testing.T, rt *rapid.T, n, depot registry.RepositoryName, m *model) {
	for digest := range m.world.blobs {
		mounted, err := f.MountBlob(t.Context(), n, depot.Name, digest)
		if err != nil || !mounted {
			rt.Fatalf("mounted: %t, %v", mounted, err)
		}
		m.blobs[digest] = true
	}
}

// wantCodeOrNone fails the history unless err refuses with the code, or is nil
// for "".
func wantCodeOrNone(rt *rapid.T, err error, code registry.Code) {
	refusal, refused := errors.AsType[*registry.Error](err)
	if code == "" && err != nil || code != "" && (!refused || refusal.Code != code) {
		rt.Fatalf("got error %v, want %q", err, code)
	}
}

func (f fixture) batchDelete(t *testing.T, rt *rapid.T, n registry.RepositoryName, id registry.ImageID, want registry.Code) {
	deleted, failures, err := f.DeleteImages(t.Context(), n, []registry.ImageID{id}, nil, actor)
	wantCodeOrNone(rt, err, "")
	codes := map[registry.Code]string{registry.CodeImageNotFound: "ImageNotFound", registry.CodeImageReferenced: "ImageReferencedByManifestList"}
	if want == "" {
		if len(deleted) == 0 || len(failures) != 0 {
			rt.Fatalf("deleted %v, failures %v", deleted, failures)
		}
		return
	}
	if len(deleted) != 0 || len(failures) != 1 || failures[0].Code != codes[want] {
		rt.Fatalf("deleted %v, failures %v, want %s", deleted, failures, want)
	}
}

// compare fails the history unless the repository shows what the model holds.
func (f fixture) compare(t *testing.T, rt *rapid.T, n registry.RepositoryName, m *model) {
	same := func(what string, want, got any, err error) {
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			rt.Fatalf("%s: %v %s", what, err, diff)
		}
	}
	ids, _, err := f.ListImages(t.Context(), n, registry.Any, registry.Cursor{}, 100)
	same("list", m.list(), ids, err)
	described, _, err := f.DescribeImages(t.Context(), n, registry.Any, registry.Cursor{}, 100)
	tagsOf, wantTags := map[string][]string{}, map[string][]string{}
	for _, image := range described {
		tagsOf[image.Digest] = image.Tags
	}
	for digest := range m.images {
		wantTags[digest] = m.tagsOf(digest)
	}
	same("describe", wantTags, tagsOf, err)
	found, err := f.CheckBlobs(t.Context(), n, slices.Sorted(maps.Keys(m.world.blobs)))
	same("blobs", slices.Sorted(maps.Keys(m.blobs)), slices.Sorted(maps.Keys(found)), err)
	for tag, digest := range m.tags {
		read, err := f.Manifest(t.Context(), n, registry.ImageID{Tag: tag})
		same("manifest of "+tag, m.world.images[digest].payload, read.Payload, err)
	}
	for _, image := range m.world.images {
		if image.subject != "" {
			listed, _, err := f.Referrers(t.Context(), n, image.subject, nil, "", 100)
			var digests []string
			for _, referrer := range listed {
				digests = append(digests, referrer.Digest)
			}
			same("referrers", m.referrers(image.subject), digests, err)
		}
	}
	var wantDeleted, gotDeleted []deletedImage
	for _, d := range slices.Backward(m.deleted) {
		wantDeleted = append(wantDeleted, d)
	}
	deleted, _, err := f.DeletedImages(t.Context(), n, registry.DeletedFilter{}, registry.Cursor{}, 1000)
	for _, d := range deleted {
		gotDeleted = append(gotDeleted, deletedImage{d.Digest, d.Tags})
	}
	if err != nil || !reflect.DeepEqual(wantDeleted, gotDeleted) {
		rt.Fatalf("deleted: %v, got %v, want %v", err, gotDeleted, wantDeleted)
	}
	for tag, want := range m.history {
		changes, _, err := f.TagHistory(t.Context(), n, tag, registry.Cursor{}, 1000)
		var went []string
		for _, change := range slices.Backward(changes) {
			went = append(went, change.Digest)
		}
		same("history of "+tag, want, went, err)
	}
}
