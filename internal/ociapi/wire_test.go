package ociapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/httpx"
)

// serveOverTheWire serves the data plane as the server does, and returns its
// address and its log, which is whole once the server is closed.
func serveOverTheWire(f *fixture) (*httptest.Server, *bytes.Buffer) {
	log := &bytes.Buffer{}
	handler := httpx.NewHandler(f.handler, httpx.Options{Log: slog.New(slog.NewJSONHandler(log, nil))})
	server := httptest.NewServer(handler)
	f.tb.Cleanup(server.Close)
	return server, log
}

func (f *fixture) call(server *httptest.Server, method, target string, body io.Reader) (status int, answer string) {
	f.tb.Helper()
	request, err := http.NewRequestWithContext(f.tb.Context(), method, server.URL+target, body)
	if err != nil {
		f.tb.Fatal(err)
	}
	request.Header.Set("Authorization", f.login)
	got, err := server.Client().Do(request)
	if err != nil {
		f.tb.Fatal(err)
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		f.tb.Fatal(err)
	}
	return got.StatusCode, string(content)
}

func TestLogAndMetricsLearnTheOperation(t *testing.T) {
	f := newFixture(t)
	server, log := serveOverTheWire(f)
	f.call(server, "GET", "/v2/app/manifests/latest", nil)
	f.call(server, "GET", "/v2/app/nonsense", nil)
	f.login = ""
	f.call(server, "HEAD", "/v2/app/manifests/latest", nil)
	server.Close()
	type line struct {
		Protocol, Operation, Principal string
		Status                         int
	}
	var got []line
	for decoder := json.NewDecoder(log); decoder.More(); {
		var l line
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	want := []line{
		{"oci", "GetManifest", "arn:aws:iam::123456789012:root", http.StatusNotFound},
		{"oci", "Unknown", "arn:aws:iam::123456789012:root", http.StatusNotFound},
		{"oci", "HeadManifest", "", http.StatusUnauthorized},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefusalReachesAClientThatIsStillSending(t *testing.T) {
	f := newFixture(t)
	server, _ := serveOverTheWire(f)
	status, _ := f.call(server, "POST", "/v2/missing/blobs/uploads/?digest="+sha256Of("x"), io.LimitReader(zeros{}, 64<<20))
	if status != http.StatusNotFound {
		t.Errorf("status %d, want 404", status)
	}
}

// A zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBlobOverTheWire(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	server, _ := serveOverTheWire(f)
	content := strings.Repeat("a layer of some size ", 200_000)
	digest := sha256Of(content)
	if status, answer := f.call(server, "POST", "/v2/app/blobs/uploads/?digest="+digest, io.MultiReader(strings.NewReader(content))); status != http.StatusCreated {
		t.Fatalf("push: status %d: %s", status, answer)
	}
	if _, got := f.call(server, "GET", "/v2/app/blobs/"+digest, nil); got != content {
		t.Errorf("%d bytes came back otherwise", len(got))
	}
}
