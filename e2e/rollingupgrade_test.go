//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// releaseBefore is the commit of the release before this one.
const releaseBefore = "8d04881"

// oldBinary builds the release before, or takes what NIFUDA_OLD_BIN names.
func oldBinary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("NIFUDA_OLD_BIN"); path != "" {
		return path
	}
	if exec.Command("git", "-C", "..", "cat-file", "-e", releaseBefore+"^{commit}").Run() != nil {
		t.Skip("the clone lacks the release before")
	}
	source := t.TempDir()
	path := filepath.Join(source, "nifuda-before")
	script := `git -C .. archive "$1" | tar -x -C "$2" && cd "$2" && CGO_ENABLED=0 go build -o "$3" ./cmd/nifuda`
	if out, err := exec.Command("sh", "-c", script, "sh", releaseBefore, source, path).CombinedOutput(); err != nil {
		t.Fatalf("build the release before: %v\n%s", err, out)
	}
	return path
}

// TestServersOfTwoReleasesShareADatabase is a rolling upgrade: the new release
// changes the schema while the old one serves, and both go on, each with pushes
// and with pulls of what the other has.
func TestServersOfTwoReleasesShareADatabase(t *testing.T) {
	t.Parallel()
	program := oldBinary(t)
	database := newDatabase(t)
	old := newServer(t, t.TempDir(), "--database", database, "--seal", "off")
	old.program = program
	old.start()
	createRepository(t, old, "app")
	client := newRegistryClient(t, old)
	first := smallImage(t)
	if err := client.push(t.Context(), "app", "first", first); err != nil {
		t.Fatal(err)
	}

	next := newServer(t, t.TempDir(), "--database", database, "--seal", "off")
	shareKeys(t, old, next)
	next.start()
	servers := []*server{old, next}
	clients := []registryClient{newRegistryClient(t, old), newRegistryClient(t, next)}
	var pushing sync.WaitGroup
	images := make([][]image, len(servers))
	for i, client := range clients {
		images[i] = make([]image, 20)
		for n := range images[i] {
			images[i][n] = smallImage(t)
		}
		pushing.Go(func() {
			for n, one := range images[i] {
				if err := client.push(t.Context(), "app", fmt.Sprintf("v%d.%d", i, n), one); err != nil {
					t.Errorf("push %d to server %d: %v", n, i, err)
				}
			}
		})
	}
	pushing.Wait()
	old.stop()
	old.start() // and the old release starts on the new schema
	for i, client := range clients {
		if err := client.verify(t.Context(), "app", "first", first); err != nil {
			t.Errorf("server %d: what was there before: %v", i, err)
		}
		for n, one := range images[1-i] {
			if err := client.verify(t.Context(), "app", fmt.Sprintf("v%d.%d", 1-i, n), one); err != nil {
				t.Errorf("server %d: image %d of the other: %v", i, n, err)
			}
		}
	}
}

// smallImage has blobs that are kept in the database.
func smallImage(t *testing.T) image {
	t.Helper()
	return newImage(t, "amd64", 3000)
}

// shareKeys gives a server the keys of another, as one installation has them.
func shareKeys(t *testing.T, from, to *server) {
	t.Helper()
	if err := os.MkdirAll(to.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"keys", "seal-keys", "aws"} {
		if out, err := exec.Command("cp", "-a", filepath.Join(from.data(), name), to.data()).CombinedOutput(); err != nil && name == "keys" {
			t.Fatalf("copy %s: %v\n%s", name, err, out)
		}
	}
}
