package ociapi_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/registry"
)

// with returns a copy of a manifest with members replaced.
func with(manifest map[string]any, members map[string]any) map[string]any {
	manifest = maps.Clone(manifest)
	maps.Copy(manifest, members)
	return manifest
}

func TestPushedManifestCanBeRead(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	image := f.image("app", "layer")
	f.pushBlob("app", "payload")
	child := f.pushManifest("app", "child", imageType, image)
	inner := map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{
		map[string]any{"mediaType": imageType, "digest": child, "size": len(encode(t, image)), "platform": map[string]any{"os": "linux", "architecture": "amd64"}},
	}}
	innerDigest := f.pushManifest("app", "inner", indexType, inner)
	artifact := with(image, map[string]any{
		"artifactType": "application/vnd.example.sbom",
		"config":       map[string]any{"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256Of("{}"), "size": 2, "data": "e30="},
		"layers":       []any{describe("application/vnd.example.sbom", "payload")},
	})
	tests := map[string]struct {
		mediaType string
		manifest  any
	}{
		"image":                   {imageType, image},
		"docker image":            {"application/vnd.docker.distribution.manifest.v2+json", with(image, map[string]any{"mediaType": "application/vnd.docker.distribution.manifest.v2+json"})},
		"index":                   {indexType, inner},
		"index of an index":       {indexType, with(inner, map[string]any{"manifests": []any{map[string]any{"mediaType": indexType, "digest": innerDigest, "size": len(encode(t, inner))}}})},
		"empty index":             {indexType, with(inner, map[string]any{"manifests": []any{}})},
		"artifact":                {imageType, artifact},
		"artifact index":          {indexType, with(inner, map[string]any{"artifactType": "application/vnd.example.list"})},
		"without layers":          {imageType, with(image, map[string]any{"layers": []any{}})},
		"with unknown members":    {imageType, with(image, map[string]any{"org.example.custom": map[string]any{"a": []int{1}}})},
		"nearly 4 MiB":            {imageType, with(image, map[string]any{"annotations": map[string]any{"long": strings.Repeat("A", 4_100_000)}})},
		"subject that is missing": {imageType, with(artifact, map[string]any{"subject": map[string]any{"mediaType": imageType, "digest": sha256Of("missing"), "size": 7}})},
		"non-distributable layer": {imageType, with(image, map[string]any{"layers": []any{map[string]any{
			"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "digest": sha256Of("elsewhere"), "size": 9, "urls": []any{"https://store.example/layer"},
		}}})},
	}
	for name, tt := range tests {
		payload := encode(t, tt.manifest)
		for _, digest := range []string{sha256Of(payload), sha512Of(payload)} {
			algorithm, _, _ := strings.Cut(digest, ":")
			t.Run(name+"/"+algorithm, func(t *testing.T) {
				f := f.in(t)
				put := f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/"+digest+"?tag=one&tag=two", payload, "Content-Type", tt.mediaType))
				if put.Header.Get("Location") != "/v2/app/manifests/"+digest || put.Header.Get("Docker-Content-Digest") != digest {
					t.Errorf("answer of the push: %v", put.Header)
				}
				if got := put.Header["Oci-Tag"]; !slices.Equal(got, []string{"one", "two"}) {
					t.Errorf("OCI-Tag %q", got)
				}
				want := map[string]string{
					"Content-Type": tt.mediaType, "Content-Length": strconv.Itoa(len(payload)), "Docker-Content-Digest": digest, "Etag": `"` + digest + `"`,
				}
				for _, reference := range []string{digest, "one", "two"} {
					for _, method := range []string{"GET", "HEAD"} {
						got := f.want(http.StatusOK, f.send(method, "/v2/app/manifests/"+reference, "", "Accept", tt.mediaType))
						for name, value := range want {
							if got.Header.Get(name) != value {
								t.Errorf("%s %s: %s %q, want %q", method, reference, name, got.Header.Get(name), value)
							}
						}
						if method == "GET" && got.Body != payload || method == "HEAD" && got.Body != "" {
							t.Errorf("%s %s: body of %d bytes", method, reference, len(got.Body))
						}
					}
				}
			})
		}
	}
}

func TestPushByTag(t *testing.T) {
	f := newFixture(t)
	f.create("team/app")
	payload := encode(t, f.image("team/app", "layer"))
	for name, contentType := range map[string]string{"with its type": imageType, "with parameters": imageType + "; charset=utf-8", "without a type": ""} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			got := f.want(http.StatusCreated, f.send("PUT", "/v2/team/app/manifests/v1", payload, "Content-Type", contentType))
			if got.Header.Get("Location") != "/v2/team/app/manifests/"+sha256Of(payload) || got.Header["Oci-Tag"] != nil || got.Header["Oci-Subject"] != nil {
				t.Errorf("headers %v", got.Header)
			}
			if got := f.want(http.StatusOK, f.send("GET", "/v2/team/app/manifests/v1", "")); got.Header.Get("Content-Type") != imageType {
				t.Errorf("Content-Type %q", got.Header.Get("Content-Type"))
			}
		})
	}
}

func TestTagParametersAddToATag(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	payload := encode(t, f.image("app", "layer"))
	got := f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/1.2.3?tag=1.2&tag=1&tag=1.2.3&tag=1", payload, "Content-Type", imageType))
	want := []string{"1.2.3", "1.2", "1"}
	if diff := cmp.Diff(want, got.Header["Oci-Tag"]); diff != "" {
		t.Error(diff)
	}
	list := decode[struct{ Tags []string }](t, f.want(http.StatusOK, f.send("GET", "/v2/app/tags/list", "")))
	if diff := cmp.Diff([]string{"1", "1.2", "1.2.3"}, list.Tags); diff != "" {
		t.Error(diff)
	}
}

func TestSubjectIsAcknowledged(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	subject := f.pushImage("app", "latest", "layer")
	signature := with(f.image("app", "signature"), map[string]any{"subject": map[string]any{"mediaType": imageType, "digest": subject, "size": 1}})
	got := f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/sig", encode(t, signature), "Content-Type", imageType))
	if got.Header.Get("OCI-Subject") != subject {
		t.Errorf("OCI-Subject %q, want %q", got.Header.Get("OCI-Subject"), subject)
	}
}

func TestManifestCondition(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushImage("app", "latest", "layer")
	etag := `"` + digest + `"`
	tests := []struct {
		ifNoneMatch string
		status      int
	}{
		{etag, http.StatusNotModified},
		{"W/" + etag, http.StatusNotModified},
		{`"other", ` + etag, http.StatusNotModified},
		{"*", http.StatusNotModified},
		{`"other"`, http.StatusOK},
		{digest, http.StatusOK},
		{"", http.StatusOK},
	}
	for _, method := range []string{"GET", "HEAD"} {
		for _, tt := range tests {
			got := f.want(tt.status, f.send(method, "/v2/app/manifests/latest", "", "If-None-Match", tt.ifNoneMatch))
			if got.Header.Get("Etag") != etag || got.Header.Get("Docker-Content-Digest") != digest {
				t.Errorf("%s If-None-Match %s: headers %v", method, tt.ifNoneMatch, got.Header)
			}
			if tt.status == http.StatusNotModified && (got.Body != "" || got.Header.Get("Content-Length") != "") {
				t.Errorf("%s: 304 with body %q, headers %v", method, got.Body, got.Header)
			}
		}
	}
}

func TestMissingManifest(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for _, reference := range []string{"missing", sha256Of("missing"), sha512Of("missing"), "sha256-" + strings.Repeat("a", 64)} {
		refused := f.wantError(http.StatusNotFound, "MANIFEST_UNKNOWN", f.send("GET", "/v2/app/manifests/"+reference, ""))
		if refused.Message != "Requested image not found" {
			t.Errorf("message %q", refused.Message)
		}
		f.want(http.StatusNotFound, f.send("HEAD", "/v2/app/manifests/"+reference, ""))
		f.wantError(http.StatusNotFound, "MANIFEST_UNKNOWN", f.send("DELETE", "/v2/app/manifests/"+reference, ""))
	}
}

func TestGetCountsAsPullAndHeadDoesNot(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushImage("app", "latest", "layer")
	app := registry.RepositoryName{Registry: home, Name: "app"}
	pulled := func() bool {
		images, err := f.registry.ImagesByID(t.Context(), app, []registry.ImageID{{Digest: digest}})
		if err != nil {
			t.Fatal(err)
		}
		return !images[0].PulledAt.IsZero()
	}
	f.want(http.StatusOK, f.send("HEAD", "/v2/app/manifests/latest", ""))
	if pulled() {
		t.Error("HEAD counted as a pull")
	}
	f.want(http.StatusOK, f.send("GET", "/v2/app/manifests/latest", ""))
	if !pulled() {
		t.Error("GET did not count as a pull")
	}
}

func TestDeleteByTagLeavesTheImage(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushImage("app", "latest", "layer")
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/manifests/latest", ""))
	f.wantError(http.StatusNotFound, "MANIFEST_UNKNOWN", f.send("GET", "/v2/app/manifests/latest", ""))
	f.want(http.StatusOK, f.send("GET", "/v2/app/manifests/"+digest, ""))
}

func TestDeleteByDigestTakesTheTags(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushImage("app", "one", "layer")
	f.pushImage("app", "two", "layer")
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/manifests/"+digest, ""))
	for _, reference := range []string{"one", "two", digest} {
		f.want(http.StatusNotFound, f.send("HEAD", "/v2/app/manifests/"+reference, ""))
	}
}

func TestChildOfAnIndexCannotBeDeleted(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	child := f.pushImage("app", "child", "layer")
	index := f.pushManifest("app", "latest", indexType, map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{
		map[string]any{"mediaType": imageType, "digest": child, "size": 1},
	}})
	refused := f.wantError(http.StatusMethodNotAllowed, "UNSUPPORTED", f.send("DELETE", "/v2/app/manifests/"+child, ""))
	if want := "Requested image referenced by manifest list: [" + index + "]"; refused.Message != want {
		t.Errorf("message %q, want %q", refused.Message, want)
	}
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/manifests/"+index, ""))
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/manifests/"+child, ""))
}

func TestImmutableTagCannotMove(t *testing.T) {
	f := newFixture(t)
	f.createIn(home, "app", registry.TagMutability{Mode: registry.Immutable})
	first := encode(t, f.image("app", "first"))
	f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/v1", first, "Content-Type", imageType))
	f.want(http.StatusCreated, f.send("PUT", "/v2/app/manifests/v1", first, "Content-Type", imageType))
	second := encode(t, f.image("app", "second"))
	refused := f.wantError(http.StatusBadRequest, "TAG_INVALID", f.send("PUT", "/v2/app/manifests/v1", second, "Content-Type", imageType))
	want := "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."
	if refused.Message != want {
		t.Errorf("message %q, want %q", refused.Message, want)
	}
}

func TestManifestWithMissingParts(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	image := f.image("app", "layer")
	missing := sha256Of("missing")
	tests := map[string]struct {
		mediaType string
		manifest  any
	}{
		"layer":  {imageType, with(image, map[string]any{"layers": []any{describe(layerType, "missing")}})},
		"config": {imageType, with(image, map[string]any{"config": describe(configType, "missing")})},
		"child":  {indexType, map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []any{describe(imageType, "missing")}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			refused := f.wantError(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", f.send("PUT", "/v2/app/manifests/v1", encode(t, tt.manifest), "Content-Type", tt.mediaType))
			if !strings.Contains(refused.Message, missing) {
				t.Errorf("message %q does not name %s", refused.Message, missing)
			}
		})
	}
}

func TestManifestOfUnknownLengthIsLimited(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	request := httptest.NewRequest(http.MethodPut, "/v2/app/manifests/v1", bytes.NewReader(make([]byte, 4<<20+1)))
	request.ContentLength = -1
	request.Header.Set("Authorization", f.login)
	request.Header.Set("Content-Type", imageType)
	f.wantError(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", f.serve(request))
}
