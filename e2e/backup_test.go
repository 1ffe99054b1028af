package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// offline runs a command of the binary on the server's data.
func (s *server) offline(t *testing.T, args ...string) command {
	t.Helper()
	return command{args: slices.Concat([]string{binary(t)}, args, []string{"--data", s.data()}, s.args), env: s.awsEnvironment()}
}

// A pushing client pushes images, and deletes some of them, until it is told to
// stop.
type pushing struct {
	registryClient
	mu     sync.Mutex
	images map[string]image // by tag: acknowledged, and not about to be deleted
}

func (p *pushing) run(ctx context.Context, t *testing.T, number int) {
	var old []string
	for n := 0; ctx.Err() == nil; n++ {
		tag, img := fmt.Sprintf("t%d-%d", number, n), newImage(t, "amd64", 100<<10, 1000)
		if err := p.push(ctx, "app", tag, img); err != nil {
			continue // a layer may be collected before its manifest comes
		}
		p.mu.Lock()
		p.images[tag] = img
		p.mu.Unlock()
		if n%5 == 0 {
			continue // which stays
		}
		if old = append(old, tag); len(old) > 10 {
			p.delete(ctx, t, old[0])
			old = old[1:]
		}
	}
}

func (p *pushing) delete(ctx context.Context, t *testing.T, tag string) {
	p.mu.Lock()
	img := p.images[tag]
	delete(p.images, tag)
	p.mu.Unlock()
	if _, _, err := p.do(ctx, http.StatusAccepted, http.MethodDelete, "/v2/app/manifests/"+img.Digest, nil, nil); err != nil && ctx.Err() == nil {
		t.Errorf("delete an image: %v", err)
	}
}

// known returns the images that are there now.
func (p *pushing) known() map[string]image {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.images)
}

func (p *pushing) enough() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.images) >= 20
}

// TestBackupUnderLoad takes backups while clients push and delete and what is
// unused is collected at once, and restores them into either database.
func TestBackupUnderLoad(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		s := startServer(t, append(args, "--gc-grace", "1s", "--undelete-window", "0")...)
		createRepository(t, s, "app")
		client := &pushing{registryClient: newRegistryClient(t, s), images: map[string]image{}}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		defer func() { cancel(); work.Wait() }()
		for i := range 3 {
			work.Go(func() { client.run(ctx, t, i) })
		}
		await(t, "some images", client.enough)

		target := t.TempDir()
		var expected map[string]image
		for round := range 3 {
			before := client.known()
			s.offline(t, "backup", target).run(t)
			after := client.known()
			expected = map[string]image{}
			for tag, img := range before { // and not deleted meanwhile
				if _, ok := after[tag]; ok {
					expected[tag] = img
				}
			}
			if len(expected) == 0 {
				t.Errorf("round %d: no image outlived the backup", round)
			}
		}
		cancel()
		work.Wait()

		other := newServer(t, t.TempDir(), "--database", newDatabase(t))
		if len(args) > 0 {
			other.args = nil
		}
		restoreInto(t, other, s, target)
		docker := newRegistryClient(t, other)
		for tag, img := range expected {
			if err := docker.verify(t.Context(), "app", tag, img); err != nil {
				t.Errorf("an image that was there before and after the backup: %v", err)
			}
		}
		if n := verifyEveryTag(t, docker); n < len(expected) {
			t.Errorf("the restored server has %d tags, want %d at least", n, len(expected))
		}
		other.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")
	})
}

// restoreInto restores a backup with the keys of the server that it is of, and
// starts the other one on it.
func restoreInto(t *testing.T, to, from *server, target string) {
	t.Helper()
	copyKeys(t, to, from)
	to.offline(t, "restore", target).prints(t, " 0 damaged.")
	to.start()
}

// copyKeys gives a server the keys of another.
func copyKeys(t *testing.T, to, from *server) {
	t.Helper()
	for _, name := range []string{"keys/server.key", "seal-keys"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to.data(), name)), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(to.data(), name), readFile(t, filepath.Join(from.data(), name)))
		if err := os.Chmod(filepath.Join(to.data(), name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// verifyEveryTag pulls every image that has a tag and returns how many tags
// there are.
func verifyEveryTag(t *testing.T, c registryClient) int {
	t.Helper()
	_, body, err := c.do(t.Context(), http.StatusOK, http.MethodGet, "/v2/app/tags/list", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Tags []string }
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	for _, tag := range list.Tags {
		if err := c.pullWhole(t.Context(), tag); err != nil {
			t.Errorf("%s of the restored server: %v", tag, err)
		}
	}
	return len(list.Tags)
}

// pullWhole pulls an image and checks every byte against its digest.
func (c registryClient) pullWhole(ctx context.Context, tag string) error {
	_, body, err := c.do(ctx, http.StatusOK, http.MethodGet, "/v2/app/manifests/"+tag, http.Header{"Accept": {ociManifest}}, nil)
	if err != nil {
		return err
	}
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		return err
	}
	digests := []string{manifest.Config.Digest}
	for _, layer := range manifest.Layers {
		digests = append(digests, layer.Digest)
	}
	for _, digest := range digests {
		_, bytes, err := c.do(ctx, http.StatusOK, http.MethodGet, "/v2/app/blobs/"+digest, nil, nil)
		if err != nil {
			return err
		}
		if digestOf(bytes) != digest {
			return errors.New(digest + " has other bytes")
		}
	}
	return nil
}

// TestBackupCommands walks through what docs/operations.md tells, with a real
// client on the restored server.
func TestBackupCommands(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	docker := newRegistryClient(t, s)
	first, second := newImage(t, "amd64", 200<<10), newImage(t, "amd64", 300<<10)
	if err := docker.push(t.Context(), "app", "first", first); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "backups")
	s.offline(t, "backup", target).prints(t, "Keys are not in the backup")
	if err := docker.push(t.Context(), "app", "second", second); err != nil {
		t.Fatal(err)
	}
	out := s.offline(t, "backup", target, "--with-keys").run(t)
	copied := regexp.MustCompile(`copied: 1 blob in files \(\d+ bytes\)\.`)
	if !strings.Contains(out, "2 blobs in files") || !copied.MatchString(out) {
		t.Errorf("the second backup says %s", out)
	}
	list := strings.Split(strings.TrimSpace(s.offline(t, "backup", target, "--list").run(t)), "\n")
	if len(list) != 3 {
		t.Fatalf("the list of snapshots: %q", list)
	}
	oldest := strings.Fields(list[1])[0]

	s.offline(t, "restore", target).says(t, "is not empty")
	client := newGoClient(t, "crane")
	for snapshot, want := range map[string]string{"": "first\nsecond\n", oldest: "first\n"} {
		restored := newServer(t, t.TempDir())
		if snapshot == "" {
			restored.offline(t, "restore", target).prints(t, " 0 damaged.") // the keys are in it
		} else {
			restored.offline(t, "restore", target, "--snapshot", snapshot).prints(t, "Before the server starts, put the backed up installation's server key")
			copyKeys(t, restored, s)
		}
		restored.start()
		client.command("auth", "login", restored.address, "--username", "AWS", "--password-stdin").input(restored.aws(t, "ecr", "get-login-password").run(t)).run(t)
		if got := client.command("ls", restored.address+"/app").run(t); got != want {
			t.Errorf("the restored server has the tags %q, want %q", got, want)
		}
		client.command("validate", "--remote", restored.address+"/app:first").prints(t, "PASS")
	}

	s.offline(t, "backup", target, "--keep", "1").prints(t, "Snapshot "+oldest+" is removed.")
}
