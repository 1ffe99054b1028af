package ociapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestBlobRanges(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	for size, content := range map[string]string{"small": strings.Repeat("0123456789abcdef", 128), "file": strings.Repeat("0123456789abcdef", 128*64)} {
		address := "/v2/app/blobs/" + f.pushBlob("app", content)
		length := strconv.Itoa(len(content))
		tests := []struct {
			asked, want, contentRange string
		}{
			{"bytes=500-1499", content[500:1500], "bytes 500-1499/" + length},
			{"bytes=500-", content[500:], "bytes 500-" + strconv.Itoa(len(content)-1) + "/" + length},
			{"bytes=-500", content[len(content)-500:], "bytes " + strconv.Itoa(len(content)-500) + "-" + strconv.Itoa(len(content)-1) + "/" + length},
			{"bytes=2000-99999999", content[2000:], "bytes 2000-" + strconv.Itoa(len(content)-1) + "/" + length},
			{"bytes=0-0", content[:1], "bytes 0-0/" + length},
		}
		for _, tt := range tests {
			t.Run(size+"/"+tt.asked, func(t *testing.T) {
				f := f.in(t)
				got := f.want(http.StatusPartialContent, f.send("GET", address, "", "Range", tt.asked))
				if got.Body != tt.want || got.Header.Get("Content-Range") != tt.contentRange || got.Header.Get("Content-Length") != strconv.Itoa(len(tt.want)) {
					t.Errorf("%d bytes, headers %v", len(got.Body), got.Header)
				}
			})
		}
		for _, asked := range []string{"bytes=500-0", "bytes=99999999-", "bytes=x", "bytes=99999999999999999999-"} {
			t.Run(size+"/"+asked, func(t *testing.T) {
				f := f.in(t)
				f.wantError(http.StatusRequestedRangeNotSatisfiable, "SIZE_INVALID", f.send("GET", address, "", "Range", asked))
			})
		}
	}
}

// RFC 9110, 14.2: a range in a unit that the server does not know is ignored.
func TestBlobRangeInAnUnknownUnitIsIgnored(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushBlob("app", "0123456789")
	for _, asked := range []string{"lines=1-2", "x", "=1-2"} {
		if got := f.want(http.StatusOK, f.send("GET", "/v2/app/blobs/"+digest, "", "Range", asked)); got.Body != "0123456789" {
			t.Errorf("Range %s: body %q", asked, got.Body)
		}
	}
}

func TestBlobInSeveralRanges(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushBlob("app", "0123456789")
	got := f.want(http.StatusPartialContent, f.send("GET", "/v2/app/blobs/"+digest, "", "Range", "bytes=0-1,8-9"))
	if !strings.HasPrefix(got.Header.Get("Content-Type"), "multipart/byteranges") || !strings.Contains(got.Body, "01") || !strings.Contains(got.Body, "89") {
		t.Errorf("headers %v, body %q", got.Header, got.Body)
	}
}

func TestBlobConditions(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	digest := f.pushBlob("app", "0123456789")
	address, etag := "/v2/app/blobs/"+digest, `"`+digest+`"`
	got := f.want(http.StatusOK, f.send("GET", address, ""))
	want := map[string]string{
		"Etag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", "Cache-Control": "private, max-age=31536000, immutable",
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if got := f.want(http.StatusNotModified, f.send("GET", address, "", "If-None-Match", etag)); got.Body != "" {
		t.Errorf("304 with body %q", got.Body)
	}
	f.want(http.StatusPartialContent, f.send("GET", address, "", "Range", "bytes=1-2", "If-Range", etag))
	f.want(http.StatusOK, f.send("GET", address, "", "Range", "bytes=1-2", "If-Range", `"another"`))
}

// The kernel can only send a file without copying when the server's ReadFrom
// gets the *os.File itself, behind nothing but the limit that ServeContent sets.
func TestBlobReachesTheConnectionAsAFile(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	content := strings.Repeat("a layer of some size ", 100_000)
	address := "/v2/app/blobs/" + f.pushBlob("app", content)
	for name, asked := range map[string]string{"whole": "", "range": "bytes=1000-"} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, address, nil)
			request.Header.Set("Authorization", f.login)
			if asked != "" {
				request.Header.Set("Range", asked)
			}
			w := &sendfileWriter{ResponseRecorder: httptest.NewRecorder()}
			f.handler.ServeHTTP(w, request)
			if !w.file {
				t.Error("the bytes did not come from an *os.File")
			}
			if !strings.HasSuffix(content, w.Body.String()) || w.Body.Len() == 0 {
				t.Errorf("%d bytes that are not the blob's", w.Body.Len())
			}
		})
	}
}

// A sendfileWriter notes whether it could have called sendfile.
type sendfileWriter struct {
	*httptest.ResponseRecorder
	file bool
}

func (w *sendfileWriter) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		_, w.file = limited.R.(*os.File)
	}
	return io.Copy(w.ResponseRecorder, src)
}

func TestBlobOfAnImageCannotBeDeleted(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	manifest := f.pushImage("app", "latest", "layer")
	address := "/v2/app/blobs/" + sha256Of("layer")
	got := f.send("DELETE", address, "")
	f.wantError(http.StatusMethodNotAllowed, "UNSUPPORTED", got)
	f.want(http.StatusAccepted, f.send("DELETE", "/v2/app/manifests/"+manifest, ""))
	f.want(http.StatusAccepted, f.send("DELETE", address, ""))
}

func FuzzBlobRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-1", "bytes=5-", "bytes=9-1", "bytes=0-1,3-4", "bytes=", "x", "bytes=0-99999999999999999999"} {
		f.Add(seed)
	}
	fixture := newFixture(f)
	fixture.create("app")
	content := "0123456789"
	address := "/v2/app/blobs/" + fixture.pushBlob("app", content)
	f.Fuzz(func(t *testing.T, asked string) {
		f := fixture.in(t)
		got := f.send("GET", address, "", "Range", asked)
		switch got.Status {
		case http.StatusOK:
			if got.Body != content {
				t.Errorf("Range %q: body %q", asked, got.Body)
			}
		case http.StatusPartialContent:
			if !strings.HasPrefix(got.Header.Get("Content-Type"), "multipart/") && !strings.Contains(content, got.Body) {
				t.Errorf("Range %q: body %q", asked, got.Body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
			f.wantError(got.Status, "SIZE_INVALID", got)
		default:
			t.Errorf("Range %q: status %d", asked, got.Status)
		}
	})
}
