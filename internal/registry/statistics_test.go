package registry_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

func (f fixture) statistics(t *testing.T, id registry.ID, days int) registry.Statistics {
	t.Helper()
	if err := f.FlushPulls(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := f.Statistics(t.Context(), id, days)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStatisticsCountWhatARegistryHoldsAndWhatHappensThere(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		abroad := registry.RepositoryName{Registry: registry.ID{Account: home.Account, Region: "eu-west-1"}, Name: "app"}
		f.create(t, other, registry.TagMutability{})
		f.create(t, abroad, registry.TagMutability{})
		layer := []byte("a layer that both have")
		one := f.put(t, app, configType, []byte(`{"n":1}`), layer)
		f.put(t, app, configType, []byte(`{"n":1}`), layer) // again
		f.clock.advance(24 * time.Hour)
		two := f.put(t, other, configType, []byte(`{"n":2}`), layer)
		f.push(t, other, two.Payload, "v1")
		f.put(t, abroad, configType, []byte(`{"n":2}`), layer)
		for range 3 {
			f.RecordPull(other, "v1", two.Digest)
		}
		f.RecordPull(app, "", one.Digest)
		f.clock.advance(24 * time.Hour)
		f.RecordPull(other, "", two.Digest)

		day := func(n int, pushes, pulls int64) registry.RegistryDay {
			return registry.RegistryDay{Day: time.Date(2026, 1, 2+n, 0, 0, 0, 0, time.UTC), Pushes: pushes, Pulls: pulls}
		}
		blobs := int64(len(layer) + len(`{"n":1}`))
		manifests := int64(len(one.Payload) + len(two.Payload))
		want := registry.Statistics{
			Repositories: 2, Images: 2, LogicalBytes: 2*blobs + manifests, StoredBytes: 2*blobs + manifests - int64(len(layer)),
			MeasuredAt: f.clock.now(), Days: []registry.RegistryDay{day(0, 1, 0), day(1, 2, 4), day(2, 0, 1)},
			MostPulled: []registry.PulledRepository{{Name: "other", Pulls: 4}, {Name: "app", Pulls: 1}},
		}
		if diff := cmp.Diff(want, f.statistics(t, home, 30)); diff != "" {
			t.Error(diff)
		}
		want.Days, want.MostPulled = want.Days[2:], []registry.PulledRepository{{Name: "other", Pulls: 1}}
		if diff := cmp.Diff(want, f.statistics(t, home, 1)); diff != "" {
			t.Errorf("of one day: %s", diff)
		}
		empty := registry.Statistics{Days: []registry.RegistryDay{}, MeasuredAt: f.clock.now()}
		if diff := cmp.Diff(empty, f.statistics(t, registry.ID{Account: "210987654321", Region: "us-east-1"}, 30)); diff != "" {
			t.Errorf("of an empty registry: %s", diff)
		}
		f.clock.advance(500 * 24 * time.Hour)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := f.statistics(t, home, 1000); len(s.Days) != 0 || len(s.MostPulled) != 0 {
			t.Errorf("after 500 days: %+v", s)
		}
	})
}

// TestOldestImagesThatNobodyPulled: neither parts of others nor what refers to
// others, and not those that were pulled a moment ago.
func TestOldestImagesThatNobodyPulled(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		var want []string
		var digests []string
		for i := range 12 {
			f.clock.advance(time.Minute)
			n := []registry.RepositoryName{app, other}[i%2]
			digests = append(digests, f.push(t, n, f.image(t, n, strconv.Itoa(i)), fmt.Sprint("v", i)).Digest)
			want = append(want, fmt.Sprint(n.Name, " v", i))
		}
		f.clock.advance(-time.Hour)
		child := f.image(t, app, "child")
		f.push(t, app, child)
		index := f.push(t, app, encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}}), "index")
		config := describe(configType, []byte("{}"))
		f.putBlob(t, app, []byte("{}"))
		f.push(t, app, encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &config, Subject: &descriptor{manifest.MediaTypeImage, "sha256:" + digestHex, 7}}))
		f.clock.advance(2 * time.Hour)
		want = append([]string{"app index"}, want...)[:10]
		got := func() (all []string) {
			for _, i := range f.statistics(t, home, 30).NeverPulled {
				if i.Size == 0 || i.PushedAt.IsZero() {
					t.Errorf("%+v", i)
				}
				all = append(all, strings.TrimSpace(i.Repository+" "+strings.Join(i.Tags, ",")))
			}
			return all
		}
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Error(diff)
		}
		if err := f.Measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		remembered, err := f.store.NeverPulled(t.Context(), home.Account, home.Region, 100)
		if err != nil || len(remembered) != 13 || remembered[0].Digest != index.Digest || remembered[1].Name != "app" {
			t.Errorf("remembered %v, %v", remembered, err)
		}
		f.RecordPull(app, "v0", digests[0])
		s, err := f.Statistics(t.Context(), home, 30) // not flushed yet
		if err != nil || s.NeverPulled[1].Digest != digests[1] {
			t.Errorf("pulled a moment ago: %+v, %v", s.NeverPulled, err)
		}
		f.delete(t, other, digests[1])
		if diff := cmp.Diff([]string{"app index", "app v2", "other v3"}, got()[:3]); diff != "" {
			t.Error(diff)
		}
		remembered, err = f.store.NeverPulled(t.Context(), home.Account, home.Region, 100)
		if err != nil || len(remembered) != 11 || remembered[1].Digest != digests[2] {
			t.Errorf("remembered %v, %v", remembered, err)
		}
	})
}

const digestHex = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
