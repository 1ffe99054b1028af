package registry_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const window = 7 * 24 * time.Hour

// eachRestorable is each for a registry in which what was deleted can be restored.
func eachRestorable(t *testing.T, test func(t *testing.T, f fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		f := fixture{openRestorable(t, s, t.TempDir(), c), s, c}
		f.create(t, app, registry.TagMutability{})
		test(t, f)
	})
}

func openRestorable(t testing.TB, s *store.Store, dir string, c *clock) *registry.Registry {
	t.Helper()
	return openWith(t, s, dir, c, func(o *registry.Options) { o.UndeleteWindow = window })
}

func (f fixture) delete(t testing.TB, n registry.RepositoryName, digest string) {
	t.Helper()
	if err := f.DeleteManifest(t.Context(), n, digest, nil, actor); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) deletedImages(t testing.TB, filter registry.DeletedFilter) []registry.DeletedImage {
	t.Helper()
	deleted, next, err := f.DeletedImages(t.Context(), app, filter, registry.Cursor{}, 100)
	if err != nil || next != (registry.Cursor{}) {
		t.Fatal(next, err)
	}
	return deleted
}

func (f fixture) restore(t testing.TB, in registry.ImageRestoration) registry.RestoredImage {
	t.Helper()
	in.Repository, in.Actor = app, actor
	restored, err := f.RestoreImage(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

func TestADeletedImageComesBackAsItWas(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		digest, pushed := digestOf(payload), f.clock.now()
		f.push(t, app, payload, "v1", "latest")
		f.clock.advance(time.Hour)
		f.delete(t, app, digest)
		deleted := f.deletedImages(t, registry.DeletedFilter{})
		if len(deleted) != 1 {
			t.Fatalf("deleted are %v", deleted)
		}
		want := registry.DeletedImage{
			DeletionID: deleted[0].DeletionID, Digest: digest, MediaType: manifest.MediaTypeImage, ArtifactMediaType: configType,
			Size: int64(len(`{"name":"one"}`) + len("layer one")), PushedAt: pushed, Tags: []string{"latest", "v1"}, Actor: actor,
			DeletedAt: f.clock.now(), RestorableUntil: f.clock.now().Add(window),
		}
		if diff := cmp.Diff(want, deleted[0]); diff != "" {
			t.Error(diff)
		}

		f.clock.advance(time.Hour)
		restored := f.restore(t, registry.ImageRestoration{Digest: digest})
		if diff := cmp.Diff(registry.RestoredImage{Digest: digest, Tags: []string{"latest", "v1"}}, restored); diff != "" {
			t.Error(diff)
		}
		images, err := f.ImagesByID(t.Context(), app, []registry.ImageID{{Tag: "v1"}})
		if err != nil || !images[0].PushedAt.Equal(pushed) || images[0].Size != want.Size || len(images[0].Tags) != 2 {
			t.Errorf("the image is %+v, %v", images, err)
		}
		if left := f.deletedImages(t, registry.DeletedFilter{}); len(left) != 0 {
			t.Errorf("still deleted: %v", left)
		}
		history, _, err := f.TagHistory(t.Context(), app, "v1", registry.Cursor{}, 2)
		if err != nil || history[0].Digest != digest || history[0].Sequence != 3 || history[1].Digest != "" || !history[0].At.Equal(f.clock.now()) {
			t.Errorf("history is %+v, %v", history, err)
		}
		// Whoever restores it twice has it.
		again := f.restore(t, registry.ImageRestoration{Digest: digest})
		if diff := cmp.Diff(registry.RestoredImage{Digest: digest, Existed: true}, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestARestorationIsAnEvent(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.delete(t, app, digestOf(payload))
		f.restore(t, registry.ImageRestoration{Digest: digestOf(payload)})
		events, err := f.store.Events(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var seen []map[string]any
		for _, e := range events[1:] { // after the creation of the repository
			var detail map[string]any
			if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, map[string]any{"action": detail["action-type"], "tag": detail["image-tag"], "restored": detail["restored"]})
		}
		want := []map[string]any{
			{"action": "PUSH", "tag": "v1", "restored": nil},
			{"action": "DELETE", "tag": "v1", "restored": nil},
			{"action": "PUSH", "tag": "v1", "restored": true},
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTagsThatWereGivenAwayStay(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one, "v1", "prod")
		f.delete(t, app, digestOf(one))
		f.push(t, app, two, "prod")
		want := registry.RestoredImage{Digest: digestOf(one), Tags: []string{"v1"}, Taken: []registry.ImageID{{Digest: digestOf(two), Tag: "prod"}}}
		if diff := cmp.Diff(want, f.restore(t, registry.ImageRestoration{Digest: digestOf(one)})); diff != "" {
			t.Error(diff)
		}
		f.delete(t, app, digestOf(one))
		if got := f.restore(t, registry.ImageRestoration{Digest: digestOf(one), WithoutTags: true}); got.Tags != nil || got.Existed {
			t.Errorf("without tags: %+v", got)
		}
		if diff := cmp.Diff([]string{"@" + digestOf(one)}, f.tagged(t, registry.Untagged)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnImageThatExistsAgainGetsItsTags(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.delete(t, app, digestOf(payload))
		f.push(t, app, payload, "v2")
		want := registry.RestoredImage{Digest: digestOf(payload), Existed: true, Tags: []string{"v1"}}
		if diff := cmp.Diff(want, f.restore(t, registry.ImageRestoration{Digest: digestOf(payload)})); diff != "" {
			t.Error(diff)
		}
		f.delete(t, app, digestOf(payload))
		deletions := f.deletedImages(t, registry.DeletedFilter{Digest: digestOf(payload)})
		if len(deletions) != 1 || len(deletions[0].Tags) != 2 {
			t.Errorf("deletions are %+v", deletions)
		}
	})
}

func TestADeletionIsUndoneById(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		for _, tag := range []string{"v1", "v2"} {
			f.push(t, app, payload, tag)
			f.delete(t, app, digestOf(payload))
		}
		older := f.deletedImages(t, registry.DeletedFilter{Tag: "v1"})
		if len(older) != 1 {
			t.Fatalf("got %v", older)
		}
		if got := f.restore(t, registry.ImageRestoration{DeletionID: older[0].DeletionID}); !slices.Equal(got.Tags, []string{"v1"}) {
			t.Errorf("got %+v", got)
		}
		_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, DeletionID: older[0].DeletionID})
		wantCode(t, err, registry.CodeImageNotFound)
		// The other deletion can be undone too: only its tag is left to come back.
		want := registry.RestoredImage{Digest: digestOf(payload), Existed: true, Tags: []string{"v2"}}
		if diff := cmp.Diff(want, f.restore(t, registry.ImageRestoration{Digest: digestOf(payload)})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnIndexComesBackWithItsImages(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		inner := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, one)}})
		outer := encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{
			describe(manifest.MediaTypeIndex, inner), describe(manifest.MediaTypeImage, one), describe(manifest.MediaTypeImage, two),
		}})
		f.push(t, app, one, "one")
		f.push(t, app, two)
		f.push(t, app, inner)
		f.push(t, app, outer, "latest")
		for _, payload := range [][]byte{outer, inner, one} { // two stays
			f.delete(t, app, digestOf(payload))
		}
		got := f.restore(t, registry.ImageRestoration{Digest: digestOf(outer)})
		want := registry.RestoredImage{Digest: digestOf(outer), Tags: []string{"latest"}, Children: []string{digestOf(one), digestOf(inner)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := f.tagged(t, registry.Tagged); !slices.Equal(got, []string{"latest@" + digestOf(outer)}) {
			t.Errorf("tagged are %v", got)
		}

		for _, payload := range [][]byte{outer, inner, one, two} {
			f.delete(t, app, digestOf(payload))
		}
		// An image whose layer is gone cannot come back, nor what refers to it.
		layer := describe(layerType, []byte("layer one"))
		if err := f.DeleteBlob(t.Context(), app, layer.Digest.String()); err != nil {
			t.Fatal(err)
		}
		_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(outer)})
		refusal := wantCode(t, err, registry.CodeReferencedImagesNotFound)
		if !strings.Contains(refusal.Message, "["+digestOf(one)+"]") {
			t.Errorf("got %s", refusal.Message)
		}
		if got := f.tagged(t, registry.Any); len(got) != 0 {
			t.Errorf("a refused restoration left %v", got)
		}
		f.restore(t, registry.ImageRestoration{Digest: digestOf(two)})
	})
}

func TestWhatIsTooOldDoesNotComeBack(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.delete(t, app, digestOf(payload))
		f.clock.advance(window - time.Millisecond)
		if len(f.deletedImages(t, registry.DeletedFilter{})) != 1 {
			t.Fatal("the window is too short")
		}
		f.clock.advance(time.Millisecond)
		for _, filter := range []registry.DeletedFilter{{}, {Digest: digestOf(payload)}, {Tag: "v1"}} {
			if got := f.deletedImages(t, filter); len(got) != 0 {
				t.Errorf("%v lists %v", filter, got)
			}
		}
		_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
		wantCode(t, err, registry.CodeImageNotFound)
		_, err = f.RestoreTag(t.Context(), registry.TagRestoration{Repository: app, Tag: "v1", Sequence: 1})
		wantCode(t, err, registry.CodeImageNotFound)
		history, _, err := f.TagHistory(t.Context(), app, "v1", registry.Cursor{}, 10)
		if err != nil || history[1].Image != registry.ImageGone {
			t.Errorf("history is %+v, %v", history, err)
		}
	})
}

func TestWithoutAWindowNothingComesBack(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.delete(t, app, digestOf(payload))
		_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
		wantCode(t, err, registry.CodeUndeleteDisabled)
		_, err = f.RestoreTag(t.Context(), registry.TagRestoration{Repository: app, Tag: "v1", Sequence: 1})
		wantCode(t, err, registry.CodeImageNotFound)
		_, err = f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: registry.RepositoryName{Registry: home, Name: "none"}, Digest: digestOf(payload)})
		wantCode(t, err, registry.CodeRepositoryNotFound)
		if _, err := f.DeleteRepository(t.Context(), app, true, actor); err != nil {
			t.Fatal(err)
		}
		_, err = f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: app})
		wantCode(t, err, registry.CodeUndeleteDisabled)
		if deleted, _, err := f.DeletedRepositories(t.Context(), home, "", registry.Cursor{}, 10); err != nil || len(deleted) != 0 {
			t.Errorf("restorable are %v, %v", deleted, err)
		}
	})
}

func TestATagGoesBack(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		start := f.clock.now()
		f.push(t, app, one, "prod", "other")
		f.clock.advance(time.Minute)
		f.push(t, app, two, "prod")
		f.clock.advance(time.Minute)

		restore := func(in registry.TagRestoration) (registry.RestoredTag, error) {
			in.Repository, in.Tag, in.Actor = app, "prod", actor
			return f.RestoreTag(t.Context(), in)
		}
		want := registry.RestoredTag{Sequence: 1, Digest: digestOf(one), Previous: digestOf(two)}
		got, err := restore(registry.TagRestoration{Before: start.Add(time.Minute)})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if diff := cmp.Diff([]string{"@" + digestOf(two)}, f.tagged(t, registry.Untagged)); diff != "" {
			t.Error(diff)
		}
		want.Previous = want.Digest
		if got, err = restore(registry.TagRestoration{Sequence: 1}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("again: %+v, %v", got, err)
		}

		// To an image that was deleted meanwhile, which comes back with this tag alone.
		f.delete(t, app, digestOf(one))
		got, err = restore(registry.TagRestoration{Sequence: 1})
		want = registry.RestoredTag{Sequence: 1, Digest: digestOf(one), Image: &registry.RestoredImage{Digest: digestOf(one), Tags: []string{"prod"}}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if diff := cmp.Diff([]string{"prod@" + digestOf(one)}, f.tagged(t, registry.Tagged)); diff != "" {
			t.Error(diff)
		}

		for _, in := range []registry.TagRestoration{{Sequence: 99}, {Sequence: 4}, {Before: start}} {
			_, err := restore(in)
			wantCode(t, err, registry.CodeImageNotFound)
		}

		// Where tags do not move, they do not move back.
		if err := f.SetTagMutability(t.Context(), app, registry.TagMutability{Mode: registry.Immutable}, actor); err != nil {
			t.Fatal(err)
		}
		_, err = restore(registry.TagRestoration{Sequence: 2})
		wantCode(t, err, registry.CodeImageTagAlreadyExists)
		if err := f.DeleteTag(t.Context(), app, "prod", actor); err != nil {
			t.Fatal(err)
		}
		if _, err := restore(registry.TagRestoration{Sequence: 2}); err != nil {
			t.Errorf("a free tag: %v", err)
		}
	})
}

func TestARestorationHoldsTheLimitOfTags(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		f.push(t, app, payload, "v1")
		f.delete(t, app, digestOf(payload))
		tags := make([]string, 1000)
		for i := range tags {
			tags[i] = "t" + strconv.Itoa(i)
		}
		f.push(t, app, payload, tags...)
		_, err := f.RestoreImage(t.Context(), registry.ImageRestoration{Repository: app, Digest: digestOf(payload)})
		wantCode(t, err, registry.CodeLimitExceeded)
		_, err = f.RestoreTag(t.Context(), registry.TagRestoration{Repository: app, Tag: "v1", Sequence: 1})
		wantCode(t, err, registry.CodeLimitExceeded)
	})
}

func TestListingsOfWhatWasDeletedHavePages(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		var want []string
		payload := f.image(t, app, "one")
		for range 5 {
			f.push(t, app, payload, "v1")
			f.delete(t, app, digestOf(payload))
		}
		for _, filter := range []registry.DeletedFilter{{}, {Digest: digestOf(payload)}, {Tag: "v1"}} {
			want = nil
			for _, d := range f.deletedImages(t, filter) {
				want = append(want, d.DeletionID)
			}
			var got []string
			after := registry.Cursor{}
			for page := 0; page == 0 || after != (registry.Cursor{}); page++ {
				deleted, next, err := f.DeletedImages(t.Context(), app, filter, after, 2)
				if err != nil || page > 2 {
					t.Fatal(page, err)
				}
				for _, d := range deleted {
					got = append(got, d.DeletionID)
				}
				after = next
			}
			if !slices.Equal(got, want) || len(got) != 5 || slices.IsSorted(got) {
				t.Errorf("%v: pages have %v, want %v", filter, got, want)
			}
		}
		var sequences []int64
		after := registry.Cursor{}
		for page := 0; page == 0 || after != (registry.Cursor{}); page++ {
			changes, next, err := f.TagHistory(t.Context(), app, "v1", after, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				sequences = append(sequences, c.Sequence)
			}
			after = next
		}
		if diff := cmp.Diff([]int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, sequences); diff != "" {
			t.Error(diff)
		}
		_, _, err := f.TagHistory(t.Context(), app, "v1", registry.Cursor{Kind: "sequence", Key: "x"}, 4)
		wantCode(t, err, registry.CodeInvalidParameter)
		_, _, err = f.DeletedImages(t.Context(), app, registry.DeletedFilter{}, registry.Cursor{Kind: "sequence", Key: "4"}, 4)
		wantCode(t, err, registry.CodeInvalidParameter)
	})
}

func TestADeletedRepositoryComesBackWithEverything(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		ctx := t.Context()
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one, "v1")
		f.push(t, app, two, "v2")
		f.delete(t, app, digestOf(two))
		if err := f.SetTagMutability(ctx, app, registry.TagMutability{Mode: registry.Immutable}, actor); err != nil {
			t.Fatal(err)
		}
		const policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}}`
		if err := f.SetRepositoryPolicy(ctx, app, policy, func(context.Context, *iam.Document) (iam.Pins, error) { return nil, nil }, actor); err != nil {
			t.Fatal(err)
		}
		before, err := f.Repository(ctx, app)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.DeleteRepository(ctx, app, true, actor); err != nil {
			t.Fatal(err)
		}
		if target, err := f.Target(ctx, "ecr:BatchGetImage", app.ARN()); err != nil || len(target.Policies) != 0 {
			t.Fatal("the policy outlives its repository", err)
		}
		_, err = f.Manifest(ctx, app, registry.ImageID{Tag: "v1"})
		wantCode(t, err, registry.CodeRepositoryNotFound)

		deleted, _, err := f.DeletedRepositories(ctx, home, "app", registry.Cursor{}, 10)
		want := []registry.DeletedRepository{{RepositoryName: app, ID: before.ID, Actor: actor, DeletedAt: f.clock.now(), RestorableUntil: f.clock.now().Add(window)}}
		if diff := cmp.Diff(want, deleted); err != nil || diff != "" {
			t.Error(err, diff)
		}
		after, err := f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: app, Actor: actor})
		if diff := cmp.Diff(before, after); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if m, err := f.Manifest(ctx, app, registry.ImageID{Tag: "v1"}); err != nil || m.Digest != digestOf(one) {
			t.Errorf("the image is %v, %v", m, err)
		}
		if target, err := f.Target(ctx, "ecr:BatchGetImage", app.ARN()); err != nil || len(target.Policies) != 1 {
			t.Error("the policy did not come back", err)
		}
		f.restore(t, registry.ImageRestoration{Digest: digestOf(two)})
		_, err = f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: app})
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

func TestADeletedRepositoryComesBackUnderAnotherName(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.push(t, app, f.image(t, app, "one"), "v1")
		old, err := f.DeleteRepository(ctx, app, true, actor)
		if err != nil {
			t.Fatal(err)
		}
		f.create(t, app, registry.TagMutability{})
		_, err = f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: app})
		wantCode(t, err, registry.CodeRepositoryAlreadyExists)
		f.clock.advance(time.Minute)
		if _, err := f.DeleteRepository(ctx, app, true, actor); err != nil {
			t.Fatal(err)
		}
		// Newest first, in pages.
		var ids []string
		cursor := registry.Cursor{}
		for page := 0; page == 0 || cursor != (registry.Cursor{}); page++ {
			deleted, next, err := f.DeletedRepositories(ctx, home, "", cursor, 1)
			if err != nil || len(deleted) != 1 {
				t.Fatal(deleted, err)
			}
			ids = append(ids, deleted[0].ID)
			cursor = next
		}
		if len(ids) != 2 || ids[1] != old.ID {
			t.Fatalf("deleted are %v", ids)
		}
		_, err = f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: registry.RepositoryName{Registry: home, Name: "other"}, ID: old.ID})
		wantCode(t, err, registry.CodeRepositoryNotFound)
		restored, err := f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: app, ID: old.ID, NewName: "back"})
		if err != nil || restored.Name != "back" || restored.ID != old.ID {
			t.Fatal(restored, err)
		}
		if _, err := f.Manifest(ctx, restored.RepositoryName, registry.ImageID{Tag: "v1"}); err != nil {
			t.Error(err)
		}
		f.clock.advance(window)
		_, err = f.RestoreRepository(ctx, registry.RepositoryRestoration{RepositoryName: app})
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

// TestADeletedBlobEndsWhatCouldBeRestored: of a blob that no image uses any more
// the deletion succeeds.
func TestADeletedBlobEndsWhatCouldBeRestored(t *testing.T) {
	eachRestorable(t, func(t *testing.T, f fixture) {
		one, two := f.image(t, app, "one"), f.image(t, app, "two")
		f.push(t, app, one)
		f.push(t, app, two)
		layer := describe(layerType, []byte("layer one")).Digest.String()
		wantCode(t, f.DeleteBlob(t.Context(), app, layer), registry.CodeLayerReferenced)
		f.delete(t, app, digestOf(one))
		f.delete(t, app, digestOf(two))
		f.push(t, app, one)
		wantCode(t, f.DeleteBlob(t.Context(), app, layer), registry.CodeLayerReferenced)
		if len(f.deletedImages(t, registry.DeletedFilter{})) != 2 {
			t.Error("a refused deletion of a blob took a deleted image")
		}
		f.delete(t, app, digestOf(one))
		if err := f.DeleteBlob(t.Context(), app, layer); err != nil {
			t.Fatal(err)
		}
		left := f.deletedImages(t, registry.DeletedFilter{})
		if len(left) != 1 || left[0].Digest != digestOf(two) {
			t.Errorf("left are %v", left)
		}
	})
}
