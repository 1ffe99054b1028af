// Package console serves the web console: files that are built from console/ of
// the project and embedded, and nothing else. The pages talk to the APIs of AWS and
// to nifuda's own on the same origin, with the credentials of who has signed in,
// so that there is no back end here and no session.
package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Path is under which the console is.
const Path = "/_console/"

// What was built, each text as brotli and as gzip. The directory is empty where
// nobody has run npm.
//
//go:embed all:dist
var dist embed.FS

// policy lets the page load and reach what comes from its own origin, and
// nothing else: a text that somebody smuggles into a name or a label can neither
// run nor send anything away.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Serves reports whether a path is the console's.
func Serves(path string) bool { return strings.HasPrefix(path, Path) || path+"/" == Path }

// Handler serves the console. Each path that is no file of its own is a view of
// the one page, which finds out itself what it shows.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return handler{files}
}

type handler struct{ files fs.FS }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The console is read with GET.", http.StatusMethodNotAllowed)
		return
	}
	name, isFile := fileOf(r.URL.Path)
	if !isFile {
		header.Set("Cache-Control", "no-cache")
		if !h.serve(w, r, "index.html") {
			notBuilt(w)
		}
		return
	}
	// The name of an asset has a hash of what is in it.
	header.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if !h.serve(w, r, name) {
		header.Set("Cache-Control", "no-store")
		http.Error(w, "There is no such file; reload the console.", http.StatusNotFound)
	}
}

// fileOf returns the file that a path names, or that it names a view.
func fileOf(p string) (name string, isFile bool) {
	name = strings.TrimPrefix(p, Path)
	if path.Dir(name) == "assets" || name == "favicon.svg" {
		return name, true
	}
	return "", false
}

// serve answers with a file in the form that the client takes, or reports that
// there is none.
func (h handler) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	w.Header().Set("Content-Type", typeOf(name))
	if content, err := fs.ReadFile(h.files, name); err == nil { // a font, which is compressed already
		write(w, r, content)
		return true
	}
	w.Header().Set("Vary", "Accept-Encoding")
	accepted := r.Header.Get("Accept-Encoding")
	for _, form := range []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !accepts(accepted, form.encoding) {
			continue
		}
		if content, err := fs.ReadFile(h.files, name+form.suffix); err == nil {
			w.Header().Set("Content-Encoding", form.encoding)
			write(w, r, content)
			return true
		}
	}
	content, err := h.plain(name)
	if err != nil {
		return false
	}
	write(w, r, content)
	return true
}

// plain unpacks a text for a client that takes it in no other form.
func (h handler) plain(name string) ([]byte, error) {
	packed, err := fs.ReadFile(h.files, name+".gz")
	if err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

func write(w http.ResponseWriter, r *http.Request, content []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(content) // the client has gone, which the log says
}

// accepts reports whether a client takes an encoding (RFC 9110, section 12.5.3).
func accepts(header, encoding string) bool {
	for one := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), encoding) {
			continue
		}
		weight, found := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		if !found {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}

// typeOf does not ask the machine, whose tables differ.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

const notBuiltPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nifuda</title></head><body>
<h1>This nifuda was built without its console</h1>
<p>Everything else works. With Node.js and npm installed, <code>make build</code> in the checkout builds the console
into the binary; container images and releases have it.</p>
</body></html>
`

func notBuilt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, notBuiltPage)
}
