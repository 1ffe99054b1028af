package ociapi_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

// A discard is an answer that nobody reads, without a recorder's cost.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// ReadFrom is what a connection has, too.
func (d *discard) ReadFrom(src io.Reader) (int64, error) { return io.Copy(io.Discard, src) }

// newBenchFixture is a fixture whose authorizer keeps no record.
func newBenchFixture(b *testing.B) *fixture {
	f := newFixture(b)
	f.rebuild(iam.OwnAccount{})
	f.create("app")
	return f
}

func BenchmarkManifestGet(b *testing.B) {
	f := newBenchFixture(b)
	digest := f.pushImage("app", "latest", "layer")
	for name, reference := range map[string]string{"tag": "latest", "digest": digest} {
		for _, method := range []string{"GET", "HEAD"} {
			b.Run(method+"/"+name, func(b *testing.B) {
				request := httptest.NewRequest(method, "/v2/app/manifests/"+reference, nil)
				request.Header.Set("Authorization", f.login)
				w := &discard{header: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					f.handler.ServeHTTP(w, request)
				}
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			})
		}
	}
}

func BenchmarkBlobGet(b *testing.B) {
	f := newBenchFixture(b)
	for name, size := range map[string]int{"16KiB": 16 << 10, "1MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, "/v2/app/blobs/"+f.pushBlob("app", strings.Repeat("x", size)), nil)
			request.Header.Set("Authorization", f.login)
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				clear(w.header)
				f.handler.ServeHTTP(w, request)
			}
		})
	}
}

// One image is four layers of 16 KiB, a config, a manifest and a tag, pushed as
// docker does: HEAD, POST, PATCH and PUT for each blob.
func BenchmarkPushSmallImage(b *testing.B) {
	f := newBenchFixture(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		blobs := []string{`{"image":` + strconv.Itoa(i) + `}`}
		layers := make([]any, 4)
		for j := range layers {
			layer := strconv.Itoa(i) + "/" + strconv.Itoa(j) + "/" + strings.Repeat("x", 16<<10)
			blobs = append(blobs, layer)
			layers[j] = describe(layerType, layer)
		}
		for _, blob := range blobs {
			f.pushLikeDocker("app", blob)
		}
		f.pushManifest("app", "v"+strconv.Itoa(i), imageType, map[string]any{
			"schemaVersion": 2, "mediaType": imageType, "config": describe(configType, blobs[0]), "layers": layers,
		})
	}
}

func (f *fixture) pushLikeDocker(repository, content string) {
	f.tb.Helper()
	digest := sha256Of(content)
	f.want(http.StatusNotFound, f.send("HEAD", "/v2/"+repository+"/blobs/"+digest, ""))
	request := httptest.NewRequest(http.MethodPatch, f.startUpload(repository), io.NopCloser(bytes.NewReader([]byte(content))))
	request.ContentLength = -1
	request.Header.Set("Authorization", f.login)
	patched := f.want(http.StatusAccepted, f.serve(request))
	f.want(http.StatusCreated, f.send("PUT", withQuery(patched.Header.Get("Location"), "digest="+digest), ""))
}
