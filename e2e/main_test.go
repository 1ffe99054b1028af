// Package e2e_test drives the real binary with real clients: those that people
// use, and a client of its own for what no other does on purpose, such as being
// cut off in the middle of an upload.
//
// It tests the binary that NIFUDA_BIN names, or builds one; NIFUDA_RACE=1 builds
// it with the race detector. NIFUDA_CLIENTS is the directory of the clients that
// `make clients` builds, NIFUDA_IMAGE that of the image that `make image` builds.
// What a machine lacks is skipped, or an error under
// CI=true.
package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The account and region that a server serves unless told otherwise.
const (
	account = "123456789012"
	region  = "us-east-1"
)

// settings are the tests' own in the environment.
var settings = []string{"NIFUDA_BIN", "NIFUDA_CLIENTS", "NIFUDA_IMAGE", "NIFUDA_RACE", "NIFUDA_TEST_POSTGRES", awsNamesVariable, "NIFUDA_SOAK"}

// workspace holds what the tests share, and goes when they end.
var workspace string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	// No setting of whoever runs the tests reaches the clients.
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "DOCKER_") ||
			strings.HasPrefix(name, "NIFUDA_") && !slices.Contains(settings, name) {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_PAGER", "")
	if clients := os.Getenv("NIFUDA_CLIENTS"); clients != "" {
		os.Setenv("PATH", clients+string(os.PathListSeparator)+os.Getenv("PATH"))
	}

	var err error
	// Short, because a Unix socket's path may have only some hundred bytes.
	if workspace, err = os.MkdirTemp("", "nifuda-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workspace)
	defer stopDockerd()
	return m.Run()
}

// shortDirectory makes a directory whose path leaves room for that of a socket,
// which may have only some hundred bytes. It goes when the tests end.
func shortDirectory(prefix string) (string, error) { return os.MkdirTemp(workspace, prefix) }

// binary returns the path of the nifuda under test.
func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("NIFUDA_BIN"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(workspace, "nifuda")
	build := exec.Command("go", "build", "-o", path, "./cmd/nifuda")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if os.Getenv("NIFUDA_RACE") != "" {
		build.Args = append(build.Args[:2], append([]string{"-race"}, build.Args[2:]...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nifuda: %w\n%s", err, out)
	}
	return path, nil
})

// need ends the test when the machine lacks something: skipped on a developer's,
// failed under CI=true, where nothing may be skipped.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatalf("this machine lacks %s", what)
	default:
		t.Skipf("this machine lacks %s", what)
	}
}

// needProgram is need for a program on PATH.
func needProgram(t *testing.T, name, debianPackage string) {
	t.Helper()
	_, err := exec.LookPath(name)
	need(t, err == nil, name+" (Debian: apt-get install "+debianPackage+")")
}

// needClient is needProgram for a client that `make clients` builds.
func needClient(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	need(t, err == nil, name+" (make clients builds it, and make e2e finds it)")
}

// needRoot is need for what only root may do.
func needRoot(t *testing.T, what string) {
	t.Helper()
	need(t, runtime.GOOS == "linux" && os.Getuid() == 0, "root on Linux, which "+what+" takes")
}
