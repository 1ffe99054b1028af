package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A discard is an answer that nobody reads, without a recorder's cost.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkManifestGet is the busiest request of a registry with everything
// around it: root's in a registry without policies.
func BenchmarkManifestGet(b *testing.B) {
	f := newServer(b, "sqlite:"+b.TempDir()+"/nifuda.db")
	f.pushImage()
	f.benchGet(b, f.login)
}

// pushImage makes the repository app with an image of the tag latest.
func (f *fixture) pushImage() {
	f.send(f.api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)
	const config = "{}"
	const configDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	f.send(f.v2("POST", "/v2/app/blobs/uploads/?digest="+configDigest, []byte(config)), http.StatusCreated)
	const kind = "application/vnd.oci.image.manifest.v1+json"
	r := f.v2("PUT", "/v2/app/manifests/latest", []byte(`{"schemaVersion":2,"mediaType":"`+kind+`","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"`+configDigest+`","size":2},"layers":[]}`))
	r.Header.Set("Content-Type", kind)
	f.send(r, http.StatusCreated)
}

func (f *fixture) benchGet(b *testing.B, login string) {
	b.Helper()
	request := httptest.NewRequest(http.MethodGet, "http://"+host+"/v2/app/manifests/latest", strings.NewReader(""))
	request.Body = http.NoBody
	request.Header.Set("Authorization", login)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		f.handler.ServeHTTP(w, request)
	}
	if w.status != http.StatusOK {
		b.Fatal(w.status)
	}
}
