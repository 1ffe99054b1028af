package registry_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

func TestStorageTellsWhatRepositoriesHaveForThemselves(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		empty := registry.RepositoryName{Registry: home, Name: "empty"}
		f.create(t, other, registry.TagMutability{})
		f.create(t, empty, registry.TagMutability{})
		shared, config := make([]byte, 1000), []byte(`{"n":1}`)
		one := f.put(t, app, configType, config, shared, []byte("own"))
		two := f.put(t, other, configType, config, shared)
		held := func(n int, p registry.PutResult) int64 { return int64(n + len(p.Payload)) }
		want := registry.Storage{MeasuredAt: f.clock.now(), Items: []registry.StorageItem{
			{Repository: "app", Images: 1, Bytes: held(1010, one), Unique: held(3, one), Measured: true},
			{Repository: "other", Images: 1, Bytes: held(1007, two), Unique: held(0, two), Measured: true},
			{Repository: "empty", Measured: true},
		}}
		got, err := f.Storage(t.Context(), home)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		// What is measured in the background is the same.
		begin := f.clock.now()
		if err := f.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		sharing, err := f.store.RegistrySharing(t.Context(), home.Account, home.Region)
		if err != nil || sharing.Shared != 2*1007 || sharing.Repeated != 1007 || sharing.MeasuredAt != begin.UnixMilli() {
			t.Errorf("%+v, %v", sharing, err)
		}
		f.clock.advance(time.Hour)
		if err := f.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, err := f.store.RegistrySharing(t.Context(), home.Account, home.Region); err != nil || again != sharing {
			t.Errorf("measured again although nothing has changed: %+v, %v", again, err)
		}
		f.put(t, other, configType, []byte(`{"n":2}`))
		if err := f.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := f.store.LargestRepositories(t.Context(), home.Account, home.Region, 10)
		if err != nil || rows[0].MeasuredAt != f.clock.now().UnixMilli() || rows[1].MeasuredAt != begin.UnixMilli() {
			t.Errorf("after a change: %+v, %v", rows, err)
		}
	})
}

// TestUniqueBytesAreWhatADeletionFrees: of random images, the largest first.
func TestUniqueBytesAreWhatADeletionFrees(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		random := rand.New(rand.NewPCG(1, 2))
		layers := make([][]byte, 20)
		for i := range layers {
			layers[i] = []byte(fmt.Sprintf("%0*d", 10+100*i, i))
		}
		for i := range 30 {
			var some [][]byte
			for _, j := range random.Perm(len(layers))[:1+i%4] {
				some = append(some, layers[j])
			}
			f.put(t, app, configType, fmt.Appendf(nil, `{"n":%d}`, i), some...)
		}
		child := f.image(t, app, "child")
		digest := f.push(t, app, child, "child").Digest
		f.push(t, app, encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}}), "index")

		s, err := f.ImageStorage(t.Context(), app)
		if err != nil || len(s.Items) != 31 || s.OtherBytes <= 0 {
			t.Fatal(len(s.Items), s.OtherBytes, err)
		}
		if !slices.IsSortedFunc(s.Items, func(a, b registry.StorageItem) int { return int(b.Bytes - a.Bytes) }) {
			t.Error("the largest are not first")
		}
		for _, item := range s.Items {
			if item.Digest == digest {
				if diff := cmp.Diff([]string{"child"}, item.Tags); diff != "" {
					t.Error(diff)
				}
				continue // an index has it
			}
			preview, err := f.PreviewDeletion(t.Context(), app, []registry.ImageID{{Digest: item.Digest}}, make([]*registry.SeenTags, 1), actor)
			if err != nil || preview.FreedBytes != item.Unique {
				t.Errorf("%+v frees %d, %v", item, preview.FreedBytes, err)
			}
		}
		_, err = f.ImageStorage(t.Context(), registry.RepositoryName{Registry: home, Name: "none"})
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}
