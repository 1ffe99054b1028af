package nifudaapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// found pages through a search and returns a member of what it finds.
func (f *deletedFixture) found(t *testing.T, operation, list, member, input string) (all []string) {
	t.Helper()
	token := ""
	for page := 0; page == 0 || token != ""; page++ {
		body := strings.TrimSuffix(input, "}") + `,"MaxResults":2}`
		if token != "" {
			body = strings.TrimSuffix(body, "}") + `,"NextToken":"` + token + `"}`
		}
		status, out := f.call(t, homeRoot, operation, body)
		if status != 200 || page > 20 {
			t.Fatalf("%s: %d %v", body, status, out)
		}
		for _, entry := range out[list].([]any) {
			all = append(all, entry.(map[string]any)[member].(string))
		}
		token, _ = out["NextToken"].(string)
	}
	return all
}

// pushManifest pushes a manifest as it is.
func (f *deletedFixture) pushManifest(t *testing.T, manifest map[string]any, tags ...string) string {
	t.Helper()
	payload, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	put, err := f.registry.PutImage(t.Context(), registry.NewImage{Repository: f.n, Payload: payload, Tags: tags, Actor: homeRoot})
	if err != nil {
		t.Fatal(err)
	}
	return put.Digest
}

// pushIndex pushes an index of images.
func (f *deletedFixture) pushIndex(t *testing.T, children []string, tags ...string) string {
	t.Helper()
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	var list []any
	for _, child := range children {
		m, err := f.registry.Manifest(t.Context(), f.n, registry.ImageID{Digest: child})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, map[string]any{"mediaType": mediaType, "digest": child, "size": len(m.Payload)})
	}
	return f.pushManifest(t, map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": list}, tags...)
}

// pushReferrer pushes an image that refers to another one.
func (f *deletedFixture) pushReferrer(t *testing.T, subject string) string {
	t.Helper()
	m, err := f.registry.Manifest(t.Context(), f.n, registry.ImageID{Digest: subject})
	if err != nil {
		t.Fatal(err)
	}
	config := f.push(t, "of "+subject) // whose configuration it has
	of, err := f.registry.Manifest(t.Context(), f.n, registry.ImageID{Digest: config})
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]any
	if err := json.Unmarshal(of.Payload, &manifest); err != nil {
		t.Fatal(err)
	}
	f.delete(t, config)
	manifest["artifactType"] = "application/vnd.example.signature"
	manifest["subject"] = map[string]any{"mediaType": m.MediaType, "digest": subject, "size": len(m.Payload)}
	return f.pushManifest(t, manifest)
}

func TestImagesAreSearched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		digests := map[string]string{}
		names := map[string]string{}
		add := func(name, digest string) {
			digests[name], names[digest] = digest, name
			f.at = f.at.Add(time.Minute)
		}
		add("amd", f.push(t, "amd"))
		add("arm", f.push(t, "arm64"))
		add("index", f.pushIndex(t, []string{digests["amd"], digests["arm"]}, "v1.0", "prod"))
		add("sign", f.pushReferrer(t, digests["index"]))
		add("big", f.push(t, "the biggest of all", "V1.1", "dev_x"))
		add("bare", f.push(t, "bare"))
		add("tiny", f.push(t, "x", "v2", "devyx"))
		n, err := s.RepositoryID(t.Context(), home, region, f.n.Name)
		if err != nil {
			t.Fatal(err)
		}
		for name, at := range map[string]int64{"tiny": 5, "big": 7, "arm": 6} {
			err := s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
				return tx.RecordPull(ctx, n, digests[name], at)
			})
			if err != nil {
				t.Fatal(err)
			}
		}

		f.want(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","Query":"prod"}`, `{"RegistryId":"123456789012","RepositoryName":"team/app","Images":[
			{"ImageDigest":"<index>","ImageTags":["prod","v1.0"],"TagCount":2,"MediaType":"application/vnd.oci.image.index.v1+json","Size":16,
				"PushedAt":1795608120,"Parts":2,"Referrers":1,"Damaged":false}]}`, digests)
		f.want(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","ArtifactType":"application/vnd.example.signature","IncludeParts":true}`,
			`{"RegistryId":"123456789012","RepositoryName":"team/app","Images":[
			{"ImageDigest":"<sign>","ImageTags":[],"TagCount":0,"MediaType":"application/vnd.oci.image.manifest.v1+json",
				"ArtifactType":"application/vnd.example.signature","Size":85,"PushedAt":1795608180,"SubjectDigest":"<index>",
				"Parts":0,"Referrers":0,"Damaged":false}]}`, digests)

		for _, test := range []struct{ input, want string }{
			{``, "tiny bare big index"},
			{`"Ascending":true`, "index big bare tiny"},
			{`"IncludeParts":true`, "tiny bare big sign index arm amd"},
			{`"SortBy":"PUSHED_AT","IncludeParts":true,"Ascending":true`, "amd arm index sign big bare tiny"},
			{`"SortBy":"SIZE"`, "big index bare tiny"},
			{`"SortBy":"SIZE","Ascending":true`, "tiny bare index big"},
			{`"SortBy":"PULLED_AT"`, "big tiny bare index"},
			{`"SortBy":"PULLED_AT","Ascending":true`, "index bare tiny big"},
			{`"SortBy":"PULLED_AT","IncludeParts":true`, "big arm tiny bare sign index amd"},
			{`"SortBy":"PULLED_AT","IncludeParts":true,"Ascending":true`, "amd index sign bare tiny arm big"},
			{`"TagStatus":"ANY"`, "tiny bare big index"},
			{`"TagStatus":"TAGGED"`, "tiny big index"},
			{`"TagStatus":"UNTAGGED"`, "bare"},
			{`"TagStatus":"UNTAGGED","IncludeParts":true,"SortBy":"PULLED_AT"`, "arm bare sign amd"},
			{`"MediaType":"application/vnd.oci.image.index.v1+json"`, "index"},
			{`"Query":"v1"`, "big index"},
			{`"Query":"V1."`, "big index"},
			{`"Query":"v_x"`, "big"},
			{`"Query":"v%"`, ""},
			{`"Query":"\\"`, ""},
			{`"Query":"v","TagStatus":"UNTAGGED"`, ""},
			{`"Query":"v","SortBy":"PULLED_AT"`, "big tiny index"},
			{`"Query":"<amd>","IncludeParts":true`, "amd"},
			{`"Query":"<amd>"`, ""},
			{`"Query":"` + strings.ToUpper(strings.TrimPrefix(digests["big"], "sha256:")[:12]) + `"`, "big"},
		} {
			input := `{"RepositoryName":"team/app"`
			if test.input != "" {
				input += "," + strings.ReplaceAll(test.input, "<amd>", digests["amd"])
			}
			var got []string
			for _, d := range f.found(t, "SearchImages", "Images", "ImageDigest", input+"}") {
				got = append(got, names[d])
			}
			if !slices.Equal(got, strings.Fields(test.want)) {
				t.Errorf("%s finds %q, want %q", test.input, got, test.want)
			}
		}

		status, page := f.call(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","MaxResults":1}`)
		token, _ := page["NextToken"].(string)
		if status != 200 || token == "" {
			t.Fatal(status, page)
		}
		for _, input := range []string{`"SortBy":"SIZE"`, `"Ascending":true`, `"Query":"v1"`, `"IncludeParts":true`} {
			f.wantError(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","NextToken":"`+token+`",`+input+`}`, "InvalidNextTokenException")
		}
		f.wantError(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","NextToken":"dGFnAHg"}`, "InvalidNextTokenException")
		f.wantError(t, homeRoot, "SearchImages", `{"RepositoryName":"none"}`, "RepositoryNotFoundException")
		f.wantError(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","MaxResults":101}`, "ValidationException")
		f.wantError(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","SortBy":"NAME"}`, "ValidationException")
	})
}

// With more tags than are looked at one by one, the search goes through the images
// in their order.
func TestManyImagesAreSearchedInTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		var tags []string
		for i := range 1100 {
			tags = append(tags, fmt.Sprintf("build-%d", i))
		}
		old := f.push(t, "old", tags[:550]...)
		f.at = f.at.Add(time.Minute)
		young := f.push(t, "young", tags[550:]...)
		f.at = f.at.Add(time.Minute)
		last := f.push(t, "last", "build-x")
		f.push(t, "other", "release")
		if got := f.found(t, "SearchImages", "Images", "ImageDigest", `{"RepositoryName":"team/app","Query":"BUILD-"}`); !slices.Equal(got, []string{last, young, old}) {
			t.Errorf("found %q", got)
		}
		_, out := f.call(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app","Query":"build-549"}`)
		image := out["Images"].([]any)[0].(map[string]any)
		if shown := image["ImageTags"].([]any); image["TagCount"] != 550.0 || len(shown) != 20 || shown[0] != "build-0" || shown[1] != "build-1" || shown[2] != "build-10" {
			t.Errorf("got %v", image)
		}
	})
}

func TestADamagedImageIsFoundSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		one := f.push(t, "one")
		f.push(t, "two")
		damaged := digest.FromBytes([]byte(`{"name":"one"}`)).String()
		blob, _, err := s.OpenBlob(t.Context(), home, region, f.n.Name, damaged)
		if err == nil {
			err = s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.MarkDamaged(ctx, blob.ID, 1)
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		_, out := f.call(t, homeRoot, "SearchImages", `{"RepositoryName":"team/app"}`)
		for _, entry := range out["Images"].([]any) {
			image := entry.(map[string]any)
			if image["Damaged"] != (image["ImageDigest"] == one) {
				t.Errorf("got %v", image)
			}
		}
	})
}
