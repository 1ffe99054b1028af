package server

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// Damage is told before the first byte, on both planes, in words that say what
// helps; whoever asks in order to push is told that nothing is there, and the
// push heals it.
func TestDamageIsToldClearlyAndHealedByAPush(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nifuda.db")
	f := newServer(t, "sqlite:"+path)
	f.repository("app")
	manifest, image := f.pushed("app", "v1")
	config := `{"of":"v1"}`
	blob := digest.FromString(config).String()
	db, err := sql.Open("sqlite", path)
	f.must(err)
	defer db.Close()
	change := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	change(`PRAGMA busy_timeout = 10000`)
	change(`INSERT INTO damaged_blobs (blob_id, found_at) SELECT id, 1 FROM blobs WHERE digest = ?`, blob)
	change(`UPDATE manifests SET payload = 'x'`)
	blobPath, manifestPath := "/v2/app/blobs/"+blob, "/v2/app/manifests/v1"

	for _, path := range []string{blobPath, manifestPath} {
		var told struct {
			Errors []struct{ Code, Message string }
		}
		f.ask(f.v2("GET", path, nil), http.StatusConflict, &told)
		if e := told.Errors[0]; e.Code != "UNSUPPORTED" || !strings.Contains(e.Message, "damaged") || !strings.Contains(e.Message, "again repairs it") {
			t.Errorf("GET %s says %+v", path, e)
		}
		f.send(f.v2("HEAD", path, nil), http.StatusNotFound)
	}
	if w := f.as(f.rootSigner(), "GetDownloadUrlForLayer", map[string]any{"repositoryName": "app", "layerDigest": blob}); w.Code != http.StatusBadRequest ||
		errorCode(w) != "LayerInaccessibleException" || !strings.Contains(w.Body.String(), "damaged") {
		t.Errorf("GetDownloadUrlForLayer: %d %s", w.Code, w.Body)
	}
	ask := func(operation string, in map[string]any) string {
		t.Helper()
		in["repositoryName"] = "app"
		w := f.as(f.rootSigner(), operation, in)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", operation, w.Code, w.Body)
		}
		return w.Body.String()
	}
	if out := ask("BatchCheckLayerAvailability", map[string]any{"layerDigests": []string{blob}}); !strings.Contains(out, `"UNAVAILABLE"`) {
		t.Errorf("BatchCheckLayerAvailability: %s", out)
	}
	if out := ask("BatchGetImage", map[string]any{"imageIds": []any{map[string]any{"imageTag": "v1"}}}); !strings.Contains(out, `"ImageInaccessible"`) ||
		!strings.Contains(out, "damaged") {
		t.Errorf("BatchGetImage: %s", out)
	}
	if w := f.as(f.rootSigner(), "PutImage", map[string]any{"repositoryName": "app", "imageManifest": manifest, "imageTag": "v2"}); errorCode(w) != "LayersNotFoundException" {
		t.Errorf("an image with a damaged layer: %d %s", w.Code, w.Body)
	}

	if _, again := f.pushed("app", "v1"); again != image {
		t.Errorf("the image is %s now", again)
	}
	if w := f.send(f.v2("GET", blobPath, nil), http.StatusOK); w.Body.String() != config {
		t.Errorf("the blob is %q", w.Body)
	}
	if w := f.send(f.v2("GET", manifestPath, nil), http.StatusOK); w.Body.String() != manifest {
		t.Errorf("the manifest is %q", w.Body)
	}
	f.send(f.v2("HEAD", blobPath, nil), http.StatusOK)
}

func TestVerificationIsStartedAndDescribed(t *testing.T) {
	f := newServer(t, "sqlite:"+filepath.Join(t.TempDir(), "nifuda.db"))
	call := func(operation string, in map[string]any) (status int, out map[string]any) {
		t.Helper()
		r, body := target("Nifuda_20261122.")(operation, in)
		f.rootSigner().sign(r, body, "nifuda", f.region)
		sent := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
		sent.Header, sent.Host = r.Header, r.Host
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, sent)
		f.must(json.Unmarshal(w.Body.Bytes(), &out))
		return w.Code, out
	}
	status, out := call("StartVerification", map[string]any{"Rate": 0})
	if started, ok := out["Verification"].(map[string]any); status != 200 || !ok || started["Status"] != "RUNNING" {
		t.Errorf("started: %d %v", status, out)
	}
	if _, out := call("StartVerification", map[string]any{"Rate": -1}); out["__type"] != "ValidationException" {
		t.Errorf("a negative rate: %v", out)
	}
	for {
		status, out := call("DescribeVerification", map[string]any{})
		if status != 200 {
			t.Fatalf("described: %d %v", status, out)
		}
		v := out["Verification"].(map[string]any)
		if v["Status"] == "RUNNING" {
			continue
		}
		if v["Status"] != "COMPLETE" || v["Damage"] != 0.0 {
			t.Errorf("ended: %v", v)
		}
		break
	}
	if _, out := call("StopVerification", map[string]any{}); out["__type"] != "VerificationNotRunningException" {
		t.Errorf("stopped: %v", out)
	}
}
