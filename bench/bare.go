package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serveBare serves what a registry answers without being one: nothing is
// checked, hashed or stored, but for the file of a large blob. It is the
// ceiling of what a server over net/http can do on the machine.
func serveBare(dir, address string) error {
	b := &bare{file: filepath.Join(dir, "blob"), manifest: newImage(newRandom(0)).manifest.bytes, small: make([]byte, smallLayerSize)}
	return http.ListenAndServe(address, b)
}

type bare struct {
	file            string
	manifest, small []byte
	uploads         atomic.Int64
}

func (b *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodPost && path == "/":
		b.api(w, r)
	case path == "/v2/":
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodHead && strings.Contains(path, "/blobs/"):
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPost:
		w.Header().Set("Location", path+strconv.FormatInt(b.uploads.Add(1), 10))
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPatch, r.Method == http.MethodPut:
		b.receive(w, r)
	case strings.Contains(path, "/manifests/"):
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Content-Length", strconv.Itoa(len(b.manifest)))
		_, _ = w.Write(b.manifest)
	case strings.HasSuffix(path, "/tags/list"):
		b.print(w, r)
	case strings.Contains(path, "/large/blobs/"):
		b.serveFile(w, r)
	default:
		_, _ = w.Write(b.small[:sizeOf(r)])
	}
}

// sizeOf is how long the client says the blob is that it expects.
func sizeOf(r *http.Request) int {
	size, err := strconv.Atoi(r.Header.Get("Bench-Size"))
	if err != nil || size > smallLayerSize {
		return smallLayerSize
	}
	return size
}

// receive takes a body; that of the repository "large" goes to a file.
func (b *bare) receive(w http.ResponseWriter, r *http.Request) {
	to := io.Discard
	if strings.Contains(r.URL.Path, "/large/blobs/") && r.ContentLength != 0 {
		f, err := os.Create(b.file)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		to = f
	}
	if _, err := io.Copy(to, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Location", r.URL.Path)
	if r.Method == http.MethodPatch {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (b *bare) serveFile(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(b.file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// api reads a call and prints as many bytes as the client wants to compare with.
func (b *bare) api(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	b.print(w, r)
}

// print answers with the number of bytes that the header Bench-Size says.
func (b *bare) print(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.Header.Get("Bench-Size")) // 0 without one
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Content-Length", strconv.Itoa(size))
	for size > 0 {
		n, err := fmt.Fprintf(w, "%s", b.small[:min(size, len(b.small))])
		if err != nil {
			return
		}
		size -= n
	}
}
