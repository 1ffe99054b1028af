package ociapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nifuda/nifuda/internal/registry"
)

// blobCacheControl lets a client keep what can never change under its digest.
// It is private because the next client may not be allowed to read it.
const blobCacheControl = "private, max-age=31536000, immutable"

const octetStream = "application/octet-stream"

// getBlob answers end-2. The specification's ranges, and the conditions that
// HTTP adds, come from [http.ServeContent].
func (a *api) getBlob(w http.ResponseWriter, r *http.Request, c call) error {
	content, err := a.openBlob(r, c.repository, c.Reference)
	if err != nil {
		return err
	}
	serveBlob(w, r, content)
	return nil
}

// openBlob returns the bytes, or for a plain GET the address to read them at.
// Conditions name our ETag, which a bucket does not know.
func (a *api) openBlob(r *http.Request, n registry.RepositoryName, digest string) (registry.Content, error) {
	if r.Method != http.MethodGet || conditional(r.Header) {
		return a.registry.OpenBlob(r.Context(), n, digest)
	}
	return a.registry.LocateBlob(r.Context(), n, digest)
}

func conditional(header http.Header) bool {
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}

// redirectBlob sends the client to the bucket, with its method and its range.
func redirectBlob(w http.ResponseWriter, content registry.Content) {
	header := w.Header()
	header["Docker-Content-Digest"] = []string{content.Digest}
	header["Location"] = []string{content.URL}
	header["Cache-Control"] = []string{"private, no-store"} // the address ends soon
	header["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// headBlob answers end-2. Beyond answering it keeps the blob from being
// collected, since a client that finds a blob does not upload it again.
func (a *api) headBlob(w http.ResponseWriter, r *http.Request, c call) error {
	blob, err := a.registry.CheckBlob(r.Context(), c.repository, c.Reference)
	if err != nil {
		return err
	}
	setBlobHeaders(w.Header(), blob.Digest)
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Length", strconv.FormatInt(blob.Size, 10))
	w.WriteHeader(http.StatusOK)
	return nil
}

// deleteBlob answers end-10.
func (a *api) deleteBlob(w http.ResponseWriter, r *http.Request, c call) error {
	if err := a.registry.DeleteBlob(r.Context(), c.repository, c.Reference); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func setBlobHeaders(header http.Header, digest string) {
	header["Content-Type"] = []string{octetStream}
	header["Docker-Content-Digest"] = []string{digest}
	header["Etag"] = []string{`"` + digest + `"`}
	header["Cache-Control"] = []string{blobCacheControl}
}

// serveBlob hands http.ServeContent the very reader that the registry opened:
// behind any wrapper an *os.File would lose the kernel's sendfile. It closes it.
func serveBlob(w http.ResponseWriter, r *http.Request, content registry.Content) {
	if content.URL != "" {
		redirectBlob(w, content)
		return
	}
	defer content.Close()
	setBlobHeaders(w.Header(), content.Digest)
	if asked := r.Header.Get("Range"); asked != "" {
		if strings.HasPrefix(asked, "bytes=") {
			w = &rangeWriter{ResponseWriter: w}
		} else {
			r.Header.Del("Range") // RFC 9110, 14.2: a unit that is not known is ignored
		}
	}
	if _, ok := content.ReadSeekCloser.(copier); ok {
		w = copyingWriter{w}
	}
	http.ServeContent(w, r, "", time.Time{}, content.ReadSeekCloser)
}

// A copier writes what it has without a buffer between, in pieces that are worth
// a system call. A sealed blob is one.
type copier interface {
	CopyN(w io.Writer, n int64) (int64, error)
}

// A copyingWriter lets a copier do so: [http.ServeContent] would read it through
// a buffer of its own.
type copyingWriter struct{ http.ResponseWriter }

// ReadFrom implements [io.ReaderFrom].
func (w copyingWriter) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if content, ok := limited.R.(copier); ok {
			n, err := content.CopyN(w.ResponseWriter, limited.N)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
	return io.Copy(w.ResponseWriter, src)
}

// A rangeWriter tells in the protocol's form what http.ServeContent would tell
// in plain text: that a range cannot be satisfied.
type rangeWriter struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader replaces a 416.
func (w *rangeWriter) WriteHeader(status int) {
	if status != http.StatusRequestedRangeNotSatisfiable {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	unsatisfiable := &refusal{status: status, code: codeSizeInvalid, message: "The requested range is not satisfiable"}
	unsatisfiable.write(w.ResponseWriter)
}

// Write drops the plain text that follows a replaced 416.
func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom keeps sendfile reachable.
func (w *rangeWriter) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(w.ResponseWriter, src)
}
