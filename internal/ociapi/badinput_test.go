package ociapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ociapi"
	"github.com/nifuda/nifuda/internal/registry"
)

func TestBadInputGetsAClearError(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	image := encode(t, f.image("app", "layer"))
	digest := sha256Of("x")
	upload := f.startUpload("app")
	tests := []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		code                       string
	}{
		{"manifest is not JSON", "PUT", "/v2/app/manifests/v1", "{", []string{"Content-Type", imageType}, 400, "MANIFEST_INVALID"},
		{"manifest is empty", "PUT", "/v2/app/manifests/v1", "", []string{"Content-Type", imageType}, 400, "MANIFEST_INVALID"},
		{"manifest of wrong types", "PUT", "/v2/app/manifests/v1", `{"schemaVersion":"2","layers":{}}`, []string{"Content-Type", imageType}, 400, "MANIFEST_INVALID"},
		{"manifest with a bad digest", "PUT", "/v2/app/manifests/v1", strings.Replace(image, "sha256:", "sha256:zz", 1), []string{"Content-Type", imageType}, 400, "MANIFEST_INVALID"},
		{"manifest of unknown type", "PUT", "/v2/app/manifests/v1", `{"schemaVersion":2}`, nil, 400, "MANIFEST_INVALID"},
		{"manifest of another type than announced", "PUT", "/v2/app/manifests/v1", image, []string{"Content-Type", indexType}, 400, "MANIFEST_INVALID"},
		{"manifest with another digest", "PUT", "/v2/app/manifests/" + digest, image, []string{"Content-Type", imageType}, 400, "DIGEST_INVALID"},
		{"manifest with another SHA-512 digest", "PUT", "/v2/app/manifests/" + sha512Of("x"), image, []string{"Content-Type", imageType}, 400, "DIGEST_INVALID"},
		{"manifest with trailing space under its digest", "PUT", "/v2/app/manifests/" + sha256Of(image), image + "  ", []string{"Content-Type", imageType}, 400, "DIGEST_INVALID"},
		{"manifest too large", "PUT", "/v2/app/manifests/v1", strings.Repeat(" ", 4<<20+1), []string{"Content-Type", imageType}, 413, "MANIFEST_INVALID"},
		{"manifest for a missing repository", "PUT", "/v2/missing/manifests/v1", image, []string{"Content-Type", imageType}, 404, "NAME_UNKNOWN"},
		{"bad tag parameter", "PUT", "/v2/app/manifests/" + sha256Of(image) + "?tag=a%2Fb", image, []string{"Content-Type", imageType}, 400, "TAG_INVALID"},
		{"too many tag parameters", "PUT", "/v2/app/manifests/" + sha256Of(image) + "?" + strings.Repeat("tag=a&", 101), image, []string{"Content-Type", imageType}, 414, "TAG_INVALID"},
		{"missing repository", "GET", "/v2/missing/manifests/v1", "", nil, 404, "NAME_UNKNOWN"},
		{"blob of a missing repository", "GET", "/v2/missing/blobs/" + digest, "", nil, 404, "NAME_UNKNOWN"},
		{"n is no number", "GET", "/v2/app/tags/list?n=ten", "", nil, 400, "UNSUPPORTED"},
		{"n is negative", "GET", "/v2/app/tags/list?n=-1", "", nil, 400, "UNSUPPORTED"},
		{"n is beyond numbers", "GET", "/v2/app/tags/list?n=99999999999999999999", "", nil, 400, "UNSUPPORTED"},
		{"last is no tag", "GET", "/v2/app/tags/list?last=%00", "", nil, 400, "TAG_INVALID"},
		{"last is no repository", "GET", "/v2/_catalog?last=..", "", nil, 400, "NAME_INVALID"},
		{"last is no digest", "GET", "/v2/app/referrers/" + digest + "?last=x", "", nil, 400, "DIGEST_INVALID"},
		{"filter is no media type", "GET", "/v2/app/referrers/" + digest + "?artifactType=%00", "", nil, 400, "UNSUPPORTED"},
		{"too many filters", "GET", "/v2/app/referrers/" + digest + "?" + strings.Repeat("artifactType=a/b&", 17), "", nil, 400, "UNSUPPORTED"},
		{"upload without digest", "PUT", upload, "x", nil, 400, "DIGEST_INVALID"},
		{"upload with a bad digest", "PUT", upload + "?digest=sha256:x", "x", nil, 400, "DIGEST_INVALID"},
		{"upload with an unknown algorithm", "PUT", upload + "?digest=md5:" + strings.Repeat("0", 32), "x", nil, 400, "DIGEST_INVALID"},
		{"malformed query", "PUT", upload + "?digest=%zz", "x", nil, 400, "BLOB_UPLOAD_INVALID"},
		{"malformed query at the start", "POST", "/v2/app/blobs/uploads/?digest=%zz", "x", nil, 400, "BLOB_UPLOAD_INVALID"},
		{"announced algorithm is unknown", "POST", "/v2/app/blobs/uploads/?digest-algorithm=md5", "", nil, 400, "DIGEST_INVALID"},
		{"whole blob that is missing", "POST", "/v2/app/blobs/uploads/?digest=" + digest, "", nil, 400, "DIGEST_INVALID"},
		{"mount of a bad digest", "POST", "/v2/app/blobs/uploads/?mount=x&from=base", "", nil, 400, "DIGEST_INVALID"},
		{"mount from a bad name", "POST", "/v2/app/blobs/uploads/?mount=" + digest + "&from=..", "", nil, 400, "NAME_INVALID"},
		{"range is malformed", "PATCH", upload, "x", []string{"Content-Range", "0"}, 400, "BLOB_UPLOAD_INVALID"},
		{"range is backwards", "PATCH", upload, "x", []string{"Content-Range", "1-0"}, 400, "BLOB_UPLOAD_INVALID"},
		{"range is longer than the body", "PATCH", upload, "x", []string{"Content-Range", "0-1"}, 400, "SIZE_INVALID"},
		{"range is shorter than the body", "PATCH", upload, "xyz", []string{"Content-Range", "0-1"}, 400, "SIZE_INVALID"},
		{"upload that never was", "PATCH", "/v2/app/blobs/uploads/00000000-0000-8000-8000-000000000000", "x", nil, 404, "BLOB_UPLOAD_UNKNOWN"},
		{"upload of a malformed id", "DELETE", "/v2/app/blobs/uploads/x", "", nil, 404, "BLOB_UPLOAD_UNKNOWN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := f.in(t)
			f.wantError(tt.status, tt.code, f.send(tt.method, tt.target, tt.body, tt.headers...))
		})
	}
	// Nothing of it left a trace.
	if got := f.want(http.StatusOK, f.send("GET", "/v2/app/tags/list", "")); got.Body != `{"name":"app","tags":[]}` {
		t.Errorf("tags %s", got.Body)
	}
	if got := f.want(http.StatusNoContent, f.send("GET", upload, "")); got.Header.Get("Range") != "0-0" {
		t.Errorf("upload has %s", got.Header.Get("Range"))
	}
}

func TestChunkedBodyIsHeldToItsRange(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for name, contentRange := range map[string]string{"too short": "0-9", "too long": "0-1"} {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			got := f.send("PATCH", f.startUpload("app"), "12345", "Content-Range", contentRange, "Transfer-Encoding", "chunked")
			f.wantError(http.StatusBadRequest, "SIZE_INVALID", got)
		})
	}
}

func TestEveryCodeOfTheRegistryHasAnAnswer(t *testing.T) {
	// The codes that only operations of the AWS API return have none.
	for _, code := range []registry.Code{
		registry.CodeEmptyUpload, registry.CodeImageDigestDoesNotMatch, registry.CodeImageNotFound, registry.CodeImageReferenced,
		registry.CodeImageTagAlreadyExists, registry.CodeInvalidLayer, registry.CodeInvalidLayerPart, registry.CodeInvalidParameter,
		registry.CodeInvalidTagParameter, registry.CodeLayerInaccessible, registry.CodeLayerPartTooSmall, registry.CodeLayersNotFound,
		registry.CodeLimitExceeded, registry.CodeReferencedImagesNotFound, registry.CodeRepositoryNotFound, registry.CodeTooManyTags,
		registry.CodeUploadNotFound, registry.CodeNotImplemented, registry.CodeLayerReferenced, registry.CodeUploadInUse, registry.CodeManifestInvalid,
	} {
		if _, ok := ociapi.Outcomes[code]; !ok {
			t.Errorf("%s has no answer", code)
		}
	}
}

func TestSignedDownload(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	content := strings.Repeat("layer ", 20_000)
	digest := f.pushBlob("app", content)
	what := authn.Download{Account: home.Account, Region: home.Region, Repository: "app", Digest: digest}
	query := f.downloads.Sign(what, authn.DownloadLifetime)
	address := ociapi.DownloadPath + "?" + query
	f.login = "" // the address is the only credential

	got := f.want(http.StatusOK, f.send("GET", address, ""))
	if got.Body != content || got.Header.Get("Content-Length") != strconv.Itoa(len(content)) {
		t.Errorf("%d bytes, headers %v", len(got.Body), got.Header)
	}
	if got := f.want(http.StatusOK, f.send("HEAD", address, "")); got.Body != "" {
		t.Errorf("HEAD with %d bytes", len(got.Body))
	}
	if got := f.want(http.StatusPartialContent, f.send("GET", address, "", "Range", "bytes=6-10")); got.Body != "layer" {
		t.Errorf("range %q", got.Body)
	}
	forged := map[string]string{
		"without a signature":   ociapi.DownloadPath,
		"of another blob":       strings.Replace(address, digest[7:], sha256Of("x")[7:], 1),
		"of another repository": strings.Replace(address, "repository=app", "repository=secret", 1),
		"with a longer life":    strings.Replace(address, "expires=", "expires=9", 1),
	}
	for name, address := range forged {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			f.wantError(http.StatusForbidden, "DENIED", f.send("GET", address, ""))
		})
	}
	what.Digest = sha256Of("missing")
	f.wantError(http.StatusNotFound, "BLOB_UNKNOWN", f.send("GET", ociapi.DownloadPath+"?"+f.downloads.Sign(what, authn.DownloadLifetime), ""))
	f.now = f.now.Add(authn.DownloadLifetime)
	refused := f.wantError(http.StatusForbidden, "DENIED", f.send("GET", address, ""))
	if refused.Message != "Request has expired" {
		t.Errorf("message %q", refused.Message)
	}
}
