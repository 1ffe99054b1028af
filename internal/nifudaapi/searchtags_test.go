package nifudaapi_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestTagsAreSearchedByWhatTheyBeginWith(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		one := f.push(t, "one", "v1", "v10", "v1.1", "prod", "V1")
		f.at = f.at.Add(time.Minute)
		two := f.push(t, "two", "v10", "v2")

		f.want(t, homeRoot, "SearchTags", `{"RepositoryName":"team/app","Prefix":"v10"}`, `{"RegistryId":"123456789012","RepositoryName":"team/app","Tags":[
			{"ImageTag":"v10","ImageDigest":"<two>","ActorArn":"<root>","ChangedAt":1795608060,"MediaType":"application/vnd.oci.image.manifest.v1+json",
				"ArtifactType":"application/vnd.oci.image.config.v1+json","Size":14,"PushedAt":1795608060}]}`,
			map[string]string{"one": one, "two": two, "root": homeRoot})

		for prefix, want := range map[string][]string{
			"":   {"V1", "prod", "v1", "v1.1", "v10", "v2"},
			"v1": {"v1", "v1.1", "v10"},
			"v3": nil,
		} {
			input := `{"RepositoryName":"team/app"`
			if prefix != "" {
				input += `,"Prefix":"` + prefix + `"`
			}
			var got []string
			token := ""
			for page := 0; page == 0 || token != ""; page++ {
				body := input + `,"MaxResults":2`
				if token != "" {
					body += `,"NextToken":"` + token + `"`
				}
				status, out := f.call(t, homeRoot, "SearchTags", body+`}`)
				if status != 200 || page > 3 {
					t.Fatal(status, out)
				}
				for _, tag := range out["Tags"].([]any) {
					got = append(got, tag.(map[string]any)["ImageTag"].(string))
				}
				token, _ = out["NextToken"].(string)
			}
			if !slices.Equal(got, want) {
				t.Errorf("tags that begin with %q: %q, want %q", prefix, got, want)
			}
		}
		for _, foreign := range []string{"x", "dGFnAHg", "c2VxdWVuY2UAMQ"} {
			f.wantError(t, homeRoot, "SearchTags", `{"RepositoryName":"team/app","NextToken":"`+foreign+`"}`, "InvalidNextTokenException")
		}
		f.wantError(t, homeRoot, "SearchTags", `{"RepositoryName":"none"}`, "RepositoryNotFoundException")
	})
}
