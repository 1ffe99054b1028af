package audit_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nifuda/nifuda/internal/audit"
)

// metrics are those of a test.
type metrics struct{ *prometheus.Registry }

func newMetrics() metrics { return metrics{prometheus.NewRegistry()} }

func (m metrics) text(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

// files are the contents in a directory by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		contents[entry.Name()] = string(text)
	}
	return contents
}

func TestFileIsReplacedOnceItIsFullAndTheOldestGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	f, err := audit.OpenFile(filepath.Join(dir, "audit.log"), 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, line := range []string{"1\n", "22\n", "333333333\n", "4\n", "a line of more than a file may have\n", "6\n"} {
		if _, err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"audit.log": "6\n", "audit.log.1": "a line of more than a file may have\n", "audit.log.2": "4\n"}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFileIsContinuedAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit", "audit.log")
	for _, line := range []string{"1\n", "2\n"} {
		f, err := audit.OpenFile(path, 100, 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, filepath.Dir(path))["audit.log"]; got != "1\n2\n" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestFileThatCannotBeOpenedIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := audit.OpenFile(dir, 100, 3); err == nil {
		t.Error("a directory is opened")
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenFile(filepath.Join(dir, "file", "audit.log"), 100, 3); err == nil {
		t.Error("a file below a file is opened")
	}
}

// TestFailedWriteLeavesNoHalfLine writes to a device that is always full.
func TestFailedWriteLeavesNoHalfLine(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	f, err := audit.OpenFile(path, 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte(strings.Repeat("x", 10))); err == nil {
		t.Error("a full device takes records")
	}
}
