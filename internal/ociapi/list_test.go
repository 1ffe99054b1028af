package ociapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/registry"
)

// next is the address of the following page, or "".
func next(t *testing.T, got answer) string {
	t.Helper()
	link := got.Header.Get("Link")
	if link == "" {
		return ""
	}
	address, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || rest != `; rel="next"` {
		t.Fatalf("Link %q", link)
	}
	return address
}

func TestTagsList(t *testing.T) {
	f := newFixture(t)
	f.create("team/app", "empty")
	payload := encode(t, f.image("team/app", "layer"))
	for _, tags := range []string{"?tag=b&tag=a&tag=B&tag=_&tag=1.0&tag=a-1"} {
		f.want(http.StatusCreated, f.send("PUT", "/v2/team/app/manifests/"+sha256Of(payload)+tags, payload, "Content-Type", imageType))
	}
	all := []string{"1.0", "B", "_", "a", "a-1", "b"}
	tests := []struct {
		query string
		want  []string
		next  string
	}{
		{"", all, ""},
		{"?n=6", all, ""},
		{"?n=100000", all, ""},
		{"?n=2", all[:2], "/v2/team/app/tags/list?last=B&n=2"},
		{"?n=2&last=B", all[2:4], "/v2/team/app/tags/list?last=a&n=2"},
		{"?n=2&last=a", all[4:], ""},
		{"?last=_", all[3:], ""},
		{"?last=a-0", all[4:], ""},
		{"?last=zzz", []string{}, ""},
		{"?n=0", []string{}, ""},
		{"?n=&last=", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			f := f.in(t)
			got := f.send("GET", "/v2/team/app/tags/list"+tt.query, "")
			if tt.want == nil {
				f.wantError(http.StatusBadRequest, "UNSUPPORTED", got)
				return
			}
			f.want(http.StatusOK, got)
			type list struct {
				Name string
				Tags []string
			}
			if diff := cmp.Diff(list{"team/app", tt.want}, decode[list](t, got)); diff != "" {
				t.Error(diff)
			}
			if got := next(t, got); got != tt.next {
				t.Errorf("next page %q, want %q", got, tt.next)
			}
		})
	}
	if got := f.want(http.StatusOK, f.send("GET", "/v2/empty/tags/list", "")); got.Body != `{"name":"empty","tags":[]}` {
		t.Errorf("body %s", got.Body)
	}
	f.wantError(http.StatusNotFound, "NAME_UNKNOWN", f.send("GET", "/v2/missing/tags/list?n=0", ""))
}

func TestTagsListPagesHaveALimit(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	payloads := []string{encode(t, f.image("app", "layer")), encode(t, f.image("app", "another"))}
	want := make([]string, 0, 1050)
	for i := range 1050 {
		want = append(want, "v"+strconv.Itoa(10_000+i))
	}
	for tags := range slices.Chunk(want, 50) {
		payload := payloads[0]
		if tags[0] > "v10500" {
			payload = payloads[1] // an image has at most 1,000 tags
		}
		f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/"+sha256Of(payload)+"?tag="+strings.Join(tags, "&tag="), payload, "Content-Type", imageType))
	}
	for query, pages := range map[string][]int{"": {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 50}, "?n=5000": {1000, 50}} {
		var got []string
		var sizes []int
		for address := "/v2/app/tags/list" + query; address != ""; {
			page := f.want(http.StatusOK, f.send("GET", address, ""))
			tags := decode[struct{ Tags []string }](t, page).Tags
			got, sizes = append(got, tags...), append(sizes, len(tags))
			address = next(t, page)
		}
		if !slices.Equal(got, want) || !slices.Equal(sizes, pages) {
			t.Errorf("%q: %d tags in pages of %v, want %v", query, len(got), sizes, pages)
		}
	}
}

// TestTagsListGoesOnAfterATagThatOnlyTheAPIMakes: a longer one than /v2/ names.
func TestTagsListGoesOnAfterATagThatOnlyTheAPIMakes(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	long := strings.Repeat("x", 300)
	_, err := f.registry.PutImage(t.Context(), registry.NewImage{
		Repository: registry.RepositoryName{Registry: home, Name: "app"}, Payload: []byte(encode(t, f.image("app", "layer"))), MediaType: imageType, Tags: []string{long, "z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := f.want(http.StatusOK, f.send("GET", "/v2/app/tags/list?n=1", ""))
	second := f.want(http.StatusOK, f.send("GET", next(t, first), ""))
	if second.Body != `{"name":"app","tags":["z"]}` {
		t.Errorf("second page %s", second.Body)
	}
	f.wantError(http.StatusBadRequest, "TAG_INVALID", f.send("GET", "/v2/app/tags/list?last=%00", ""))
}

func TestCatalog(t *testing.T) {
	f := newFixture(t)
	f.create("bb", "aa/b", "aa")
	f.createIn(registry.ID{Account: "999999999999", Region: "us-east-1"}, "foreign", registry.TagMutability{})
	tests := []struct{ query, want, next string }{
		{"", `{"repositories":["aa","aa/b","bb"]}`, ""},
		{"?n=2", `{"repositories":["aa","aa/b"]}`, "/v2/_catalog?last=aa%2Fb&n=2"},
		{"?n=2&last=aa%2Fb", `{"repositories":["bb"]}`, ""},
		{"?n=0", `{"repositories":[]}`, ""},
	}
	for _, tt := range tests {
		got := f.want(http.StatusOK, f.send("GET", "/v2/_catalog"+tt.query, ""))
		if got.Body != tt.want || next(t, got) != tt.next {
			t.Errorf("%q: body %s, next page %q", tt.query, got.Body, next(t, got))
		}
	}
}

type referrers struct {
	SchemaVersion int
	MediaType     string
	Manifests     []registry.Referrer
}

func TestReferrers(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	image := f.image("app", "layer")
	subject := f.pushManifest("app", "latest", imageType, image)
	refer := func(members map[string]any) registry.Referrer {
		members["subject"] = map[string]any{"mediaType": imageType, "digest": subject, "size": 1}
		manifest := with(image, members)
		payload := encode(t, manifest)
		f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/"+sha256Of(payload), payload, "Content-Type", imageType))
		return registry.Referrer{MediaType: imageType, Digest: sha256Of(payload), Size: int64(len(payload))}
	}
	plain := refer(map[string]any{})
	plain.ArtifactType = configType
	sbom := refer(map[string]any{"artifactType": "application/vnd.example.sbom", "annotations": map[string]any{"a": "b"}})
	sbom.ArtifactType, sbom.Annotations = "application/vnd.example.sbom", map[string]string{"a": "b"}
	signature := refer(map[string]any{"artifactType": "application/vnd.example.signature"})
	signature.ArtifactType = "application/vnd.example.signature"
	tests := map[string]struct {
		query   string
		want    []registry.Referrer
		filters string
	}{
		"all":                {"", []registry.Referrer{plain, sbom, signature}, ""},
		"of a type":          {"?artifactType=application/vnd.example.sbom", []registry.Referrer{sbom}, "artifactType"},
		"of a config's type": {"?artifactType=" + configType, []registry.Referrer{plain}, "artifactType"},
		"of an escaped type": {"?artifactType=" + url.QueryEscape(configType), []registry.Referrer{plain}, "artifactType"},
		"of two types":       {"?artifactType=application/vnd.example.sbom&artifactType=application/vnd.example.signature", []registry.Referrer{sbom, signature}, "artifactType"},
		"of no type":         {"?artifactType=application/vnd.example.none", []registry.Referrer{}, "artifactType"},
		"of an empty type":   {"?artifactType=", []registry.Referrer{plain, sbom, signature}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			got := f.want(http.StatusOK, f.send("GET", "/v2/app/referrers/"+subject+tt.query, ""))
			if got.Header.Get("Content-Type") != indexType || got.Header.Get("OCI-Filters-Applied") != tt.filters || next(t, got) != "" {
				t.Errorf("headers %v", got.Header)
			}
			slices.SortFunc(tt.want, func(a, b registry.Referrer) int { return strings.Compare(a.Digest, b.Digest) })
			if diff := cmp.Diff(referrers{2, indexType, tt.want}, decode[referrers](t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	got := f.want(http.StatusOK, f.send("GET", "/v2/app/referrers/"+sha256Of("unknown"), ""))
	if want := `{"schemaVersion":2,"mediaType":"` + indexType + `","manifests":[]}`; got.Body != want {
		t.Errorf("body %s, want %s", got.Body, want)
	}
	f.wantError(http.StatusNotFound, "NAME_UNKNOWN", f.send("GET", "/v2/missing/referrers/"+subject, ""))

	t.Run("at the tag that older clients ask for", func(t *testing.T) {
		f := f.in(t)
		got := f.want(http.StatusOK, f.send("GET", "/v2/app/manifests/"+strings.Replace(subject, ":", "-", 1), ""))
		if got.Header.Get("Content-Type") != indexType || len(decode[referrers](t, got).Manifests) != 3 {
			t.Errorf("headers %v, body %s", got.Header, got.Body)
		}
	})
}

func TestReferrersPages(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	image := f.image("app", "layer")
	subject := sha256Of("subject")
	annotate := func(annotation string) map[string]any {
		return with(image, map[string]any{
			"artifactType": "application/vnd.example.note",
			"subject":      map[string]any{"mediaType": imageType, "digest": subject, "size": 1},
			"annotations":  map[string]any{"note": annotation},
		})
	}
	want := map[string]bool{}
	for i := range 103 {
		payload := encode(t, annotate(strconv.Itoa(i)))
		f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/"+sha256Of(payload), payload, "Content-Type", imageType))
		want[sha256Of(payload)] = true
	}
	for i := range 3 { // three that do not fit into one answer
		payload := encode(t, annotate(strings.Repeat(strconv.Itoa(i), 2<<20)))
		f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/"+sha256Of(payload), payload, "Content-Type", imageType))
		want[sha256Of(payload)] = true
	}
	got := map[string]bool{}
	pages := 0
	for address := "/v2/app/referrers/" + subject + "?artifactType=application/vnd.example.note"; address != ""; pages++ {
		page := f.want(http.StatusOK, f.send("GET", address, ""))
		if len(page.Body) > 4<<20+1024 {
			t.Errorf("answer of %d bytes", len(page.Body))
		}
		for _, m := range decode[referrers](t, page).Manifests {
			if got[m.Digest] || m.ArtifactType != "application/vnd.example.note" {
				t.Errorf("%s of %s is listed again or wrongly", m.Digest, m.ArtifactType)
			}
			got[m.Digest] = true
		}
		address = next(t, page)
	}
	if diff := cmp.Diff(want, got); diff != "" || pages < 3 {
		t.Errorf("%d pages, %s", pages, diff)
	}
}
