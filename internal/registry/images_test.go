package registry_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

func digestOf(payload []byte) string { return digest.FromBytes(payload).String() }

func (f fixture) describe(t testing.TB, digests ...string) []registry.Image {
	t.Helper()
	var ids []registry.ImageID
	for _, d := range digests {
		ids = append(ids, registry.ImageID{Digest: d})
	}
	images, err := f.ImagesByID(t.Context(), app, ids)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

func (f fixture) tagged(t testing.TB, status registry.TagStatus) []string {
	t.Helper()
	ids, next, err := f.ListImages(t.Context(), app, status, registry.Cursor{}, 1000)
	if err != nil || next != (registry.Cursor{}) {
		t.Fatalf("list: %v, next %v", err, next)
	}
	var got []string
	for _, id := range ids {
		got = append(got, id.Tag+"@"+id.Digest)
	}
	return got
}

func TestPutImageIsReadBackByteForByte(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		result := f.push(t, app, payload, "v1", "latest")
		if result.Existed || result.Digest != digestOf(payload) {
			t.Errorf("got %+v", result)
		}
		for _, id := range []registry.ImageID{{Tag: "v1"}, {Tag: "latest"}, {Digest: result.Digest}, {Tag: "v1", Digest: result.Digest}} {
			m, err := f.Manifest(t.Context(), app, id)
			if err != nil || !bytes.Equal(m.Payload, payload) || m.MediaType != manifest.MediaTypeImage {
				t.Errorf("%v: %+v, %v", id, m, err)
			}
		}
		for _, id := range []registry.ImageID{{Tag: "v2"}, {Digest: digestOf([]byte("x"))}, {Tag: "v1", Digest: digestOf([]byte("x"))}} {
			_, err := f.Manifest(t.Context(), app, id)
			wantCode(t, err, registry.CodeImageNotFound)
		}
		_, err := f.Manifest(t.Context(), registry.RepositoryName{Registry: home, Name: "missing"}, registry.ImageID{Tag: "v1"})
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

func TestPutImageAgain(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		first := f.push(t, app, payload, "v1")
		pushed := f.describe(t, first.Digest)[0].PushedAt
		f.clock.advance(time.Hour)
		if !f.push(t, app, payload, "v1").Existed || !f.push(t, app, payload).Existed {
			t.Error("the same image with the same tag is new")
		}
		if f.push(t, app, payload, "v2").Existed {
			t.Error("another tag of the same image existed")
		}
		image := f.describe(t, first.Digest)[0]
		if !image.PushedAt.Equal(pushed) {
			t.Errorf("retagging changed the push time from %v to %v", pushed, image.PushedAt)
		}
		if diff := cmp.Diff([]string{"v1", "v2"}, image.Tags); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPutImageRefusals(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.putBlob(t, app, []byte("{}"))
		config := describe(configType, []byte("{}"))
		missing := []descriptor{describe(layerType, []byte("b")), describe(layerType, []byte("a"))}
		noLayers := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &config, Layers: missing})
		noImages := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, []byte("x"))}})
		good := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &config})
		for _, c := range []struct {
			name string
			in   registry.NewImage
			code registry.Code
			text string
		}{
			{"no JSON", registry.NewImage{Repository: app, Payload: []byte("{")}, registry.CodeManifestInvalid, "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"},
			{
				"layers missing",
				registry.NewImage{Repository: app, Payload: noLayers},
				registry.CodeLayersNotFound,
				fmt.Sprintf("Layers with digests '[%s, %s]' required for pushing image into repository with name 'app' in the registry with id '123456789012' do not exist", missing[0].Digest, missing[1].Digest),
			},
			{
				"images missing",
				registry.NewImage{Repository: app, Payload: noImages},
				registry.CodeReferencedImagesNotFound,
				fmt.Sprintf("Images with digests '[%s]' required for pushing image into repository with name 'app' in the registry with id '123456789012' do not exist", digestOf([]byte("x"))),
			},
			{
				"another digest",
				registry.NewImage{Repository: app, Payload: good, Digest: digestOf([]byte("x"))},
				registry.CodeImageDigestDoesNotMatch,
				fmt.Sprintf("The image with digest '%s' in repository 'app' and registry ID '123456789012' does not match the image digest that Amazon ECR has calculated.", digestOf([]byte("x"))),
			},
			{
				"no repository",
				registry.NewImage{Repository: registry.RepositoryName{Registry: home, Name: "missing"}, Payload: good},
				registry.CodeRepositoryNotFound,
				"The repository with name 'missing' does not exist in the registry with id '123456789012'",
			},
		} {
			_, err := f.PutImage(t.Context(), c.in)
			if refusal := wantCode(t, err, c.code); refusal.Message != c.text {
				t.Errorf("%s:\ngot  %s\nwant %s", c.name, refusal.Message, c.text)
			}
		}
		if got := f.tagged(t, registry.Any); len(got) != 0 {
			t.Errorf("refused images are there: %v", got)
		}
	})
}

func TestTagMoveLeavesTheOldImageUntagged(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one, "latest")
		f.push(t, app, two, "latest")
		if diff := cmp.Diff([]string{"latest@" + digestOf(two), "@" + digestOf(one)}, f.tagged(t, registry.Any)); diff != "" {
			t.Error(diff)
		}
		f.push(t, app, one, "old")
		if diff := cmp.Diff([]string{"latest@" + digestOf(two), "old@" + digestOf(one)}, f.tagged(t, registry.Any)); diff != "" {
			t.Error(diff)
		}
		if got := f.tagged(t, registry.Untagged); len(got) != 0 {
			t.Errorf("untagged images are %v", got)
		}
	})
}

func TestTagHistoryTellsWhoMovedATag(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		start := f.clock.now()
		f.push(t, app, one, "prod")
		f.clock.advance(time.Minute)
		f.push(t, app, two, "prod")
		f.push(t, app, two, "prod") // nothing moves
		f.clock.advance(time.Minute)
		if err := f.DeleteTag(t.Context(), app, "prod", actor); err != nil {
			t.Fatal(err)
		}
		got, _, err := f.TagHistory(t.Context(), app, "prod", registry.Cursor{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		want := []registry.TagChange{
			{Sequence: 3, At: start.Add(2 * time.Minute), Actor: actor},
			{Sequence: 2, At: start.Add(time.Minute), Actor: actor, Digest: digestOf(two), Image: registry.ImageExists},
			{Sequence: 1, At: start, Actor: actor, Digest: digestOf(one), Image: registry.ImageExists},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMutabilityModes(t *testing.T) {
	for _, c := range []struct {
		mode       registry.Mutability
		exclusions []string
		moves      []string
		stays      []string
	}{
		{registry.Mutable, nil, []string{"latest", "dev-1"}, nil},
		{registry.Immutable, nil, nil, []string{"latest", "dev-1"}},
		{registry.ImmutableWithExclusion, []string{"dev-*", "*-rc*"}, []string{"dev-1", "dev-", "1-rc2"}, []string{"latest", "xdev-1", "Dev-1"}},
		{registry.MutableWithExclusion, []string{"v*", "prod"}, []string{"latest", "production"}, []string{"v1", "v", "prod"}},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			each(t, func(t *testing.T, f fixture) {
				if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: c.mode, Exclusions: c.exclusions}, actor); err != nil {
					t.Fatal(err)
				}
				one, two := f.image(t, app, "one"), f.image(t, app, "two")
				f.push(t, app, one, append(slices.Clone(c.moves), c.stays...)...)
				for _, tag := range c.moves {
					f.push(t, app, two, tag)
				}
				for _, tag := range c.stays {
					_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{tag}})
					want := "The image tag '" + tag + "' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."
					if refusal := wantCode(t, err, registry.CodeImageTagAlreadyExists); refusal.Message != want {
						t.Errorf("got %q, want %q", refusal.Message, want)
					}
					if !f.push(t, app, one, tag).Existed {
						t.Errorf("pushing the identical image to the immutable tag %s changed something", tag)
					}
				}
			})
		})
	}
}

func TestPutImageIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one, "v1")
		if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Immutable}, actor); err != nil {
			t.Fatal(err)
		}
		_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: two, Tags: []string{"v2", "v1"}})
		wantCode(t, err, registry.CodeImageTagAlreadyExists)
		if diff := cmp.Diff([]string{"v1@" + digestOf(one)}, f.tagged(t, registry.Any)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneOfManyPushersOfAnImmutableTagWins(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Immutable}, actor); err != nil {
			t.Fatal(err)
		}
		const pushers = 16
		payloads := make([][]byte, pushers)
		for i := range payloads {
			payloads[i] = f.image(t, app, fmt.Sprint("image ", i))
		}
		var winner atomic.Pointer[string]
		var won atomic.Int64
		var wg sync.WaitGroup
		for _, payload := range payloads {
			wg.Go(func() {
				_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{"v1"}})
				if !refusedAs(err, registry.CodeImageTagAlreadyExists) {
					t.Error(err)
				}
				if err != nil {
					return
				}
				won.Add(1)
				d := digestOf(payload)
				winner.Store(&d)
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d pushers won", won.Load())
		}
		if diff := cmp.Diff([]string{"v1@" + *winner.Load()}, f.tagged(t, registry.Any)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestIndexSizeIsItsLargestChild(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		small, large := f.image(t, app, "s"), f.image(t, app, "a longer name")
		f.push(t, app, small)
		f.push(t, app, large)
		index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{
			describe(manifest.MediaTypeImage, large), describe(manifest.MediaTypeImage, small), describe(manifest.MediaTypeImage, small),
		}})
		f.push(t, app, index, "multi")
		image := f.describe(t, digestOf(index))[0]
		if want := f.describe(t, digestOf(large))[0].Size; image.Size != want || want == 0 {
			t.Errorf("the index has size %d, want %d", image.Size, want)
		}
		if image.ArtifactMediaType != "" {
			t.Errorf("the index has the artifact media type %q", image.ArtifactMediaType)
		}
	})
}

func TestIndexProtectsItsImages(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		child := f.image(t, app, "child")
		f.push(t, app, child, "child")
		index := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}})
		f.push(t, app, index, "multi")

		text := "Requested image referenced by manifest list: [" + digestOf(index) + "]"
		err := f.DeleteManifest(t.Context(), app, digestOf(child), nil, actor)
		if refusal := wantCode(t, err, registry.CodeImageReferenced); refusal.Message != text {
			t.Errorf("got %q, want %q", refusal.Message, text)
		}
		ids := []registry.ImageID{{Digest: digestOf(child)}, {Tag: "child"}, {Digest: digestOf(index)}, {Digest: digestOf(child)}}
		deleted, failures, err := f.DeleteImages(t.Context(), app, ids, nil, actor)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]registry.ImageID{{Digest: digestOf(index), Tag: "multi"}, {Digest: digestOf(child), Tag: "child"}}, deleted); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]registry.ImageFailure{{ids[0], "ImageReferencedByManifestList", text}, {ids[1], "ImageReferencedByManifestList", text}}, failures); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDeleteImages(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one, two, three := f.image(t, app, "one"), f.image(t, app, "two"), f.image(t, app, "three")
		f.push(t, app, one, "a", "b")
		f.push(t, app, two, "c")
		f.push(t, app, three, "d", "e")
		unknown := registry.ImageFailure{Code: "ImageNotFound", Reason: "Requested image not found"}
		failed := func(id registry.ImageID) registry.ImageFailure { unknown.ID = id; return unknown }
		for _, c := range []struct {
			name     string
			ids      []registry.ImageID
			deleted  []registry.ImageID
			failures []registry.ImageFailure
			left     []string
		}{
			{
				"a tag of several",
				[]registry.ImageID{{Tag: "a"}},
				[]registry.ImageID{{digestOf(one), "a"}},
				nil,
				[]string{"b@" + digestOf(one), "c@" + digestOf(two), "d@" + digestOf(three), "e@" + digestOf(three)},
			},
			{
				"the last tag takes the image",
				[]registry.ImageID{{Tag: "b"}},
				[]registry.ImageID{{digestOf(one), "b"}},
				nil,
				[]string{"c@" + digestOf(two), "d@" + digestOf(three), "e@" + digestOf(three)},
			},
			{
				"what is unknown",
				[]registry.ImageID{{Tag: "a"}, {Digest: digestOf(one)}, {digestOf(one), "c"}},
				nil,
				[]registry.ImageFailure{failed(registry.ImageID{Tag: "a"}), failed(registry.ImageID{Digest: digestOf(one)}), failed(registry.ImageID{digestOf(one), "c"})},
				[]string{"c@" + digestOf(two), "d@" + digestOf(three), "e@" + digestOf(three)},
			},
			{
				"digest and tag, one after the other",
				[]registry.ImageID{{digestOf(three), "d"}, {digestOf(three), "e"}},
				[]registry.ImageID{{digestOf(three), "d"}, {digestOf(three), "e"}},
				nil,
				[]string{"c@" + digestOf(two)},
			},
			{"a digest", []registry.ImageID{{Digest: digestOf(two)}}, []registry.ImageID{{digestOf(two), "c"}}, nil, nil},
		} {
			deleted, failures, err := f.DeleteImages(t.Context(), app, c.ids, nil, actor)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.deleted, deleted); diff != "" {
				t.Errorf("%s: deleted %s", c.name, diff)
			}
			if diff := cmp.Diff(c.failures, failures); diff != "" {
				t.Errorf("%s: failures %s", c.name, diff)
			}
			if diff := cmp.Diff(c.left, f.tagged(t, registry.Any)); diff != "" {
				t.Errorf("%s: left %s", c.name, diff)
			}
		}
	})
}

func TestDeleteTagLeavesTheImage(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		one := f.image(t, app, "one")
		f.push(t, app, one, "a")
		if err := f.DeleteTag(t.Context(), app, "a", actor); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"@" + digestOf(one)}, f.tagged(t, registry.Any)); diff != "" {
			t.Error(diff)
		}
		wantCode(t, f.DeleteTag(t.Context(), app, "a", actor), registry.CodeImageNotFound)
		if err := f.DeleteManifest(t.Context(), app, digestOf(one), nil, actor); err != nil {
			t.Fatal(err)
		}
		wantCode(t, f.DeleteManifest(t.Context(), app, digestOf(one), nil, actor), registry.CodeImageNotFound)
	})
}

func TestListingsPageStably(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		var want []string
		for i := range 7 {
			payload := f.image(t, app, fmt.Sprint("tagged ", i))
			f.push(t, app, payload, fmt.Sprint("t", i), fmt.Sprint("u", i))
			f.push(t, app, f.image(t, app, fmt.Sprint("untagged ", i)))
		}
		want = f.tagged(t, registry.Any)
		if len(want) != 21 {
			t.Fatalf("the whole list has %d entries", len(want))
		}
		for limit := 1; limit <= 22; limit++ {
			var got []string
			for cursor := (registry.Cursor{}); ; {
				ids, next, err := f.ListImages(t.Context(), app, registry.Any, cursor, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					got = append(got, id.Tag+"@"+id.Digest)
				}
				if next == (registry.Cursor{}) {
					break
				}
				cursor = next
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("pages of %d: %s", limit, diff)
			}
			for status, n := range map[registry.TagStatus]int{registry.Any: 14, registry.Tagged: 7, registry.Untagged: 7} {
				if got := f.describeAll(t, status, limit); len(got) != n || !slices.IsSorted(got) {
					t.Fatalf("%s images in pages of %d are %v", status, limit, got)
				}
			}
		}
	})
}

func (f fixture) describeAll(t testing.TB, status registry.TagStatus, limit int) (digests []string) {
	t.Helper()
	for cursor := (registry.Cursor{}); ; {
		images, next, err := f.DescribeImages(t.Context(), app, status, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range images {
			digests = append(digests, image.Digest)
			if wantTags := 2; status == registry.Tagged && len(image.Tags) != wantTags || status == registry.Untagged && image.Tags != nil {
				t.Errorf("a %s image has the tags %v", status, image.Tags)
			}
		}
		if next == (registry.Cursor{}) {
			return digests
		}
		cursor = next
	}
}

func TestReferrers(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		subject := f.image(t, app, "subject")
		f.push(t, app, subject, "v1")
		f.putBlob(t, app, []byte("{}"))
		config, to := describe("application/vnd.oci.empty.v1+json", []byte("{}")), describe(manifest.MediaTypeImage, subject)
		var want []registry.Referrer
		for _, kind := range []string{"sig", "sbom"} {
			payload := encode(t, imageText{
				MediaType: manifest.MediaTypeImage, ArtifactType: "application/" + kind, Config: &config, Subject: &to, Annotations: map[string]string{"kind": kind},
			})
			if result := f.push(t, app, payload); result.Subject != digestOf(subject) {
				t.Errorf("the subject is %q", result.Subject)
			}
			want = append(want, registry.Referrer{
				MediaType: manifest.MediaTypeImage, Digest: digestOf(payload), Size: int64(len(payload)), ArtifactType: "application/" + kind, Annotations: map[string]string{"kind": kind},
			})
		}
		slices.SortFunc(want, func(a, b registry.Referrer) int { return strings.Compare(a.Digest, b.Digest) })
		all, next, err := f.Referrers(t.Context(), app, digestOf(subject), nil, "", 10)
		if err != nil || next != "" {
			t.Fatal(err, next)
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Error(diff)
		}
		first, next, err := f.Referrers(t.Context(), app, digestOf(subject), nil, "", 1)
		if err != nil || next != want[0].Digest || len(first) != 1 {
			t.Errorf("first page %v, next %q, %v", first, next, err)
		}
		filtered, _, err := f.Referrers(t.Context(), app, digestOf(subject), []string{"application/sbom", "other"}, "", 10)
		if err != nil || len(filtered) != 1 || filtered[0].ArtifactType != "application/sbom" {
			t.Errorf("filtered: %v, %v", filtered, err)
		}
		if none, _, err := f.Referrers(t.Context(), app, digestOf([]byte("x")), nil, "", 10); err != nil || len(none) != 0 {
			t.Errorf("of nothing: %v, %v", none, err)
		}
		tag := strings.Replace(digestOf(subject), ":", "-", 1)
		index, ok, err := f.ReferrersIndex(t.Context(), app, tag)
		if err != nil || !ok || !bytes.Contains(index.Payload, []byte(want[0].Digest)) {
			t.Errorf("fallback index: %+v, %v, %v", index, ok, err)
		}
		if _, ok, err := f.ReferrersIndex(t.Context(), app, "v1"); ok || err != nil {
			t.Errorf("fallback of another tag: %v, %v", ok, err)
		}
	})
}

func TestPullTimeIsSeenBeforeAndAfterItIsStored(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		if !f.describe(t, digestOf(payload))[0].PulledAt.IsZero() {
			t.Error("an image that was never pulled has a pull time")
		}
		f.clock.advance(time.Hour)
		f.RecordPull(app, "v1", digestOf(payload))
		f.RecordPull(app, "gone", digestOf([]byte("gone")))
		f.RecordPull(registry.RepositoryName{Registry: home, Name: "gone"}, "", digestOf(payload))
		for _, when := range []string{"before", "after"} {
			if got := f.describe(t, digestOf(payload))[0].PulledAt; !got.Equal(f.clock.now()) {
				t.Errorf("%s the flush: %v, want %v", when, got, f.clock.now())
			}
			if err := f.FlushPulls(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestEveryChangeOfAnImageIsAnEvent(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "a", "b")
		f.push(t, app, payload, "a")
		if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); err != nil {
			t.Fatal(err)
		}
		events, err := f.store.Events(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Type, " ", strings.Contains(e.Detail, "PUSH"), " ", strings.Contains(e.Detail, `"image-tag":"a"`)))
		}
		want := []string{"Nifuda Registry Change false false", "ECR Image Action true true", "ECR Image Action true false", "ECR Image Action false true", "ECR Image Action false false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		f.clock.advance(91 * 24 * time.Hour)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if events, err := f.store.Events(t.Context(), "", 100); err != nil || len(events) != 0 {
			t.Errorf("after 91 days there are %d events, %v", len(events), err)
		}
	})
}

func TestAnImageHasAtMostAThousandTags(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		tags := make([]string, 1000)
		for i := range tags {
			tags[i] = fmt.Sprint("t", i)
		}
		f.push(t, app, payload, tags...)
		_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{"one-more"}})
		want := "Adding tag 'one-more' to an image in the repository with name 'app' in registry with id '123456789012' exceeds the maximum allowed number of tags per image which is '1000'"
		if refusal := wantCode(t, err, registry.CodeLimitExceeded); refusal.Message != want {
			t.Errorf("got %q", refusal.Message)
		}
		f.push(t, app, payload, "t7")
	})
}

func TestReferrersWithLargeAnnotationsComeInSmallPages(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.putBlob(t, app, []byte("{}"))
		config, to := describe("application/vnd.oci.empty.v1+json", []byte("{}")), describe(manifest.MediaTypeImage, []byte("subject"))
		const referrers = 5
		for i := range referrers {
			f.push(t, app, encode(t, imageText{
				MediaType: manifest.MediaTypeImage, Config: &config, Subject: &to,
				Annotations: map[string]string{"n": strconv.Itoa(i), "large": strings.Repeat("x", 3<<20)},
			}))
		}
		seen, pages := 0, 0
		for after := ""; pages == 0 || after != ""; pages++ {
			page, next, err := f.Referrers(t.Context(), app, to.Digest.String(), nil, after, 100)
			if err != nil || len(page) != 1 {
				t.Fatalf("a page of %d, %v", len(page), err)
			}
			seen, after = seen+len(page), next
		}
		if seen != referrers {
			t.Errorf("saw %d referrers, want %d", seen, referrers)
		}
	})
}
