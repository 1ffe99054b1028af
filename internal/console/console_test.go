package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func gzipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: packed.Bytes()}
}

func built(t *testing.T) handler {
	return handler{fstest.MapFS{
		"index.html.gz":     gzipped(t, "the page"),
		"index.html.br":     {Data: []byte("the page in brotli")},
		"favicon.svg.gz":    gzipped(t, "the icon"),
		"assets/app.js.gz":  gzipped(t, "the script"),
		"assets/app.js.br":  {Data: []byte("the script in brotli")},
		"assets/font.woff2": {Data: []byte("the font")},
	}}
}

func TestFilesAndViews(t *testing.T) {
	const immutable = "public, max-age=31536000, immutable"
	for name, tt := range map[string]struct {
		path, accepts  string
		status         int
		body           string
		encoding, kind string
		cache          string
	}{
		"the page":                 {"/_console/", "", 200, "the page", "", "text/html; charset=utf-8", "no-cache"},
		"the page without a slash": {"/_console", "", 200, "the page", "", "text/html; charset=utf-8", "no-cache"},
		"a view":                   {"/_console/repositories/team/app", "", 200, "the page", "", "text/html; charset=utf-8", "no-cache"},
		"a view like a file":       {"/_console/repositories/a.js", "", 200, "the page", "", "text/html; charset=utf-8", "no-cache"},
		"brotli":                   {"/_console/", "gzip, deflate, br, zstd", 200, "the page in brotli", "br", "text/html; charset=utf-8", "no-cache"},
		"brotli refused":           {"/_console/assets/app.js", "br;q=0", 200, "the script", "", "text/javascript; charset=utf-8", immutable},
		"a script":                 {"/_console/assets/app.js", "br", 200, "the script in brotli", "br", "text/javascript; charset=utf-8", immutable},
		"a font":                   {"/_console/assets/font.woff2", "gzip, br", 200, "the font", "", "font/woff2", immutable},
		"the icon":                 {"/_console/favicon.svg", "", 200, "the icon", "", "image/svg+xml", "no-cache"},
		"a script of an old page":  {"/_console/assets/gone.js", "br", 404, "There is no such file; reload the console.\n", "", "text/plain; charset=utf-8", "no-store"},
		"outside":                  {"/_console/assets/../../etc/passwd", "", 200, "the page", "", "text/html; charset=utf-8", "no-cache"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.Path = tt.path
			r.Header.Set("Accept-Encoding", tt.accepts)
			w := httptest.NewRecorder()
			built(t).ServeHTTP(w, r)
			h := w.Result().Header
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
			for header, want := range map[string]string{"Content-Encoding": tt.encoding, "Content-Type": tt.kind, "Cache-Control": tt.cache} {
				if got := h.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the page is not protected: %v", h)
			}
		})
	}
}

func TestGzipIsUnpackedByClients(t *testing.T) {
	server := httptest.NewServer(built(t))
	defer server.Close()
	response, err := http.Get(server.URL + Path) // asks for gzip
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "the page" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestWithoutABuildThePageSaysHow(t *testing.T) {
	w := httptest.NewRecorder()
	handler{fstest.MapFS{".keep": {}}}.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path, nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyReads(t *testing.T) {
	w := httptest.NewRecorder()
	built(t).ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, nil))
	if w.Code != http.StatusMethodNotAllowed || w.Result().Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Result().Header)
	}
}

func TestServes(t *testing.T) {
	for path, want := range map[string]bool{"/_console": true, "/_console/": true, "/_console/x": true, "/_consoles": false, "/": false, "/v2/": false} {
		if got := Serves(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}
