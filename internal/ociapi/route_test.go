package ociapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/ociapi"
)

func TestParse(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	tests := []struct {
		method, path string
		want         ociapi.Request
	}{
		{"GET", "/v2", ociapi.Request{Op: ociapi.OpPing}},
		{"GET", "/v2/", ociapi.Request{Op: ociapi.OpPing}},
		{"GET", "/v2/_catalog", ociapi.Request{Op: ociapi.OpListCatalog}},
		{"GET", "/v2/app/tags/list", ociapi.Request{Op: ociapi.OpListTags, Name: "app"}},
		{"GET", "/v2/team/app/manifests/latest", ociapi.Request{Op: ociapi.OpGetManifest, Name: "team/app", Reference: "latest"}},
		{"HEAD", "/v2/app/manifests/" + digest, ociapi.Request{Op: ociapi.OpHeadManifest, Name: "app", Reference: digest}},
		{"PUT", "/v2/app/manifests/v1", ociapi.Request{Op: ociapi.OpPutManifest, Name: "app", Reference: "v1"}},
		{"DELETE", "/v2/app/manifests/v1", ociapi.Request{Op: ociapi.OpDeleteManifest, Name: "app", Reference: "v1"}},
		{"GET", "/v2/app/blobs/" + digest, ociapi.Request{Op: ociapi.OpGetBlob, Name: "app", Reference: digest}},
		{"HEAD", "/v2/app/blobs/" + digest, ociapi.Request{Op: ociapi.OpHeadBlob, Name: "app", Reference: digest}},
		{"DELETE", "/v2/app/blobs/" + digest, ociapi.Request{Op: ociapi.OpDeleteBlob, Name: "app", Reference: digest}},
		{"POST", "/v2/app/blobs/uploads", ociapi.Request{Op: ociapi.OpStartUpload, Name: "app"}},
		{"POST", "/v2/app/blobs/uploads/", ociapi.Request{Op: ociapi.OpStartUpload, Name: "app"}},
		{"PATCH", "/v2/app/blobs/uploads/id", ociapi.Request{Op: ociapi.OpAppendUpload, Name: "app", Reference: "id"}},
		{"PUT", "/v2/app/blobs/uploads/id", ociapi.Request{Op: ociapi.OpCompleteUpload, Name: "app", Reference: "id"}},
		{"GET", "/v2/app/blobs/uploads/id", ociapi.Request{Op: ociapi.OpGetUpload, Name: "app", Reference: "id"}},
		{"DELETE", "/v2/app/blobs/uploads/id", ociapi.Request{Op: ociapi.OpCancelUpload, Name: "app", Reference: "id"}},
		{"GET", "/v2/app/referrers/" + digest, ociapi.Request{Op: ociapi.OpListReferrers, Name: "app", Reference: digest}},
		// Repositories whose names are words of the protocol.
		{"GET", "/v2/manifests/tags/list", ociapi.Request{Op: ociapi.OpListTags, Name: "manifests"}},
		{"GET", "/v2/tags/list/tags/list", ociapi.Request{Op: ociapi.OpListTags, Name: "tags/list"}},
		{"GET", "/v2/blobs/uploads/manifests/uploads", ociapi.Request{Op: ociapi.OpGetManifest, Name: "blobs/uploads", Reference: "uploads"}},
		{"POST", "/v2/a1/blobs/uploads/blobs/uploads/", ociapi.Request{Op: ociapi.OpStartUpload, Name: "a1/blobs/uploads"}},
		{"GET", "/v2/catalog/manifests/list", ociapi.Request{Op: ociapi.OpGetManifest, Name: "catalog", Reference: "list"}},
	}
	for _, tt := range tests {
		got, err := ociapi.Parse(tt.method, tt.path, "")
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.path, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s: %s", tt.method, tt.path, diff)
		}
	}
}

func TestHostilePaths(t *testing.T) {
	f := newFixture(t)
	f.create("app", "team/app")
	digest := sha256Of("x")
	long := strings.Repeat("a", 3000)
	tests := []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/v2/../app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app/../app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/%2e%2e/app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/team%2Fapp/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/team%2fapp/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/team%252Fapp/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app%00/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app%0a/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/%ff/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2//tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2//app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/team//app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app//tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/App/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app_-app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/-app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app\\app/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/" + strings.Repeat("a", 257) + "/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/" + long + "/tags/list", http.StatusRequestURITooLong, "NAME_INVALID"},
		{"GET", "/v2/tags/list", http.StatusBadRequest, "NAME_INVALID"},
		{"POST", "/v2/blobs/uploads/", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/app/manifests/", http.StatusBadRequest, "TAG_INVALID"},
		{"GET", "/v2/app/manifests/..", http.StatusBadRequest, "TAG_INVALID"},
		{"GET", "/v2/app/manifests/a+b", http.StatusBadRequest, "TAG_INVALID"},
		{"GET", "/v2/app/manifests/a%00b", http.StatusBadRequest, "TAG_INVALID"},
		{"PUT", "/v2/app/manifests/" + strings.Repeat("a", 129), http.StatusBadRequest, "TAG_INVALID"},
		{"GET", "/v2/app/manifests/sha256:short", http.StatusBadRequest, "DIGEST_INVALID"},
		{"PUT", "/v2/app/manifests/sha256:baddigeststring", http.StatusBadRequest, "DIGEST_INVALID"},
		{"DELETE", "/v2/app/manifests/md5:" + strings.Repeat("a", 32), http.StatusBadRequest, "DIGEST_INVALID"},
		{"GET", "/v2/app/blobs/latest", http.StatusBadRequest, "DIGEST_INVALID"},
		{"GET", "/v2/app/blobs/" + strings.ToUpper(digest), http.StatusBadRequest, "DIGEST_INVALID"},
		{"GET", "/v2/app/blobs/" + digest + "0", http.StatusBadRequest, "DIGEST_INVALID"},
		{"HEAD", "/v2/app/blobs/:", http.StatusBadRequest, ""},
		{"GET", "/v2/app/referrers/latest", http.StatusBadRequest, "DIGEST_INVALID"},
		{"GET", "/v2/app/blobs/uploads/..%2f..%2fetc", http.StatusBadRequest, "NAME_INVALID"},
		{"GET", "/v2/app/blobs/uploads/..", http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"},
		{"GET", "/v2/app/blobs/uploads/%00", http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"},
		{"GET", "/v2/app/blobs/uploads/%ff", http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"},
		{"GET", "/v2/app", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/app/", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/app/manifests", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/app/tags/all", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/app/uploads/id", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/_catalog/", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v3/app/tags/list", http.StatusNotFound, "UNSUPPORTED"},
		{"GET", "/v2/../../../../etc/passwd", http.StatusNotFound, "UNSUPPORTED"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path[:min(len(tt.path), 60)], func(t *testing.T) {
			f := f.in(t)
			got := f.send(tt.method, tt.path, "")
			if tt.code == "" {
				f.want(tt.status, got)
				return
			}
			f.wantError(tt.status, tt.code, got)
		})
	}
}

func TestDigestMayBeEscaped(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushBlob("app", "x")
	f.want(http.StatusOK, f.send("GET", "/v2/app/blobs/"+strings.Replace(digest, ":", "%3A", 1), ""))
}

func TestWrongMethodsAreToldTheRightOnes(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := sha256Of("x")
	tests := []struct{ method, path, allow string }{
		{"POST", "/v2/", "GET, HEAD"},
		{"DELETE", "/v2/_catalog", "GET, HEAD"},
		{"PUT", "/v2/app/tags/list", "GET, HEAD"},
		{"POST", "/v2/app/manifests/latest", "GET, HEAD, PUT, DELETE"},
		{"PUT", "/v2/app/blobs/" + digest, "GET, HEAD, DELETE"},
		{"GET", "/v2/app/blobs/uploads/", "POST"},
		{"POST", "/v2/app/blobs/uploads/id", "PATCH, PUT, GET, HEAD, DELETE"},
		{"POST", "/v2/app/referrers/" + digest, "GET, HEAD"},
		{"BREW", "/v2/app/manifests/latest", "GET, HEAD, PUT, DELETE"},
		{"POST", ociapi.DownloadPath, "GET, HEAD"},
	}
	for _, tt := range tests {
		got := f.send(tt.method, tt.path, "")
		f.wantError(http.StatusMethodNotAllowed, "UNSUPPORTED", got)
		if got.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.path, got.Header.Get("Allow"), tt.allow)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/v2/", "/v2/app/manifests/latest", "/v2/a//b/tags/list", "/v2/../x", "/v2/%2f/blobs/uploads/", "/v2/app/blobs/uploads/%00", "/v2/app/referrers/sha256:", "//", ""} {
		f.Add("GET", seed)
	}
	fixture := newFixture(f)
	fixture.create("app")
	f.Fuzz(func(t *testing.T, method, path string) {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Method, request.URL.Path = method, path
		request.Header.Set("Authorization", fixture.login)
		got := fixture.serve(request)
		if got.Status >= http.StatusInternalServerError {
			t.Errorf("%s %q: status %d, body %s", method, path, got.Status, got.Body)
		}
		parsed, err := ociapi.Parse(method, path, "")
		if err == nil && parsed.Name != "" && !strings.Contains(path, "/"+parsed.Name+"/") {
			t.Errorf("%s %q names %q", method, path, parsed.Name)
		}
		if err != nil && got.Status < http.StatusBadRequest {
			t.Errorf("%s %q: status %d for %v", method, path, got.Status, err)
		}
	})
}
