package ociapi_test

import (
	"net/http"
	"testing"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/ociapi"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
)

// Whatever gives or takes bytes is denied while the repository's key cannot be
// used, with what KMS says; everything else goes on.
func TestUnusableKeyIsDenied(t *testing.T) {
	f := newFixture(t)
	_, err := f.registry.CreateRepository(t.Context(), registry.NewRepository{
		RepositoryName: registry.RepositoryName{Registry: home, Name: "sealed"}, Encryption: registry.Encryption{Type: registry.KMS},
	})
	if err != nil {
		t.Fatal(err)
	}
	image := f.pushImage("sealed", "latest", "a layer")
	layer := sha256Of("a layer")
	upload := f.startUpload("sealed")
	manifest := encode(t, f.image("sealed", "a layer"))
	download := ociapi.DownloadPath + "?" + f.downloads.Sign(authn.Download{
		Account: home.Account, Region: home.Region, Repository: "sealed", Digest: layer,
	}, authn.DownloadLifetime)
	stopped := []struct{ method, target, body string }{
		{"GET", "/v2/sealed/manifests/latest", ""},
		{"HEAD", "/v2/sealed/manifests/" + image, ""},
		{"GET", "/v2/sealed/blobs/" + layer, ""},
		{"GET", download, ""},
		{"POST", "/v2/sealed/blobs/uploads/", ""},
		{"POST", "/v2/sealed/blobs/uploads/?digest=" + layer, "a layer"},
		{"PATCH", upload, "a "},
		{"PUT", upload + "?digest=" + layer, "a layer"},
		{"PUT", "/v2/sealed/manifests/other", manifest},
	}
	for _, unusable := range []bool{true, false, true} {
		f.kms.SetUnusable(unusable)
		for _, s := range stopped {
			got := f.send(s.method, s.target, s.body, "Content-Type", imageType)
			if !unusable {
				if got.Status >= http.StatusBadRequest && s.method == "GET" {
					t.Errorf("%s %s: status %d: %s", s.method, s.target, got.Status, got.Body)
				}
				continue
			}
			told := f.wantError(http.StatusForbidden, "DENIED", got)
			if want := "KMS: " + registrytest.KeyARN + " is disabled."; told.Message != want {
				t.Errorf("%s %s: got %q, want %q", s.method, s.target, told.Message, want)
			}
		}
	}
	f.want(http.StatusOK, f.send("GET", "/v2/sealed/tags/list", ""))
	f.want(http.StatusOK, f.send("HEAD", "/v2/sealed/blobs/"+layer, ""))
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/sealed/manifests/"+image, ""))
}
