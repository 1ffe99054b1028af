package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecoveryFromBlobsAlone loses the database of a server that there is no
// backup of: whoever pushes the image again sends none of its layers.
func TestRecoveryFromBlobsAlone(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, args ...string) {
		client := newGoClient(t, "crane")
		s := startServer(t, args...)
		createRepository(t, s, "app")
		img := newImage(t, "amd64", 100<<10, 200<<10)
		if err := newRegistryClient(t, s).push(t.Context(), "app", "v1", img); err != nil {
			t.Fatal(err)
		}
		s.stop()
		if len(args) == 0 {
			lost, err := filepath.Glob(filepath.Join(s.data(), "nifuda.db*"))
			if err != nil || lost == nil {
				t.Fatalf("the files of the database: %v, %v", lost, err)
			}
			for _, name := range lost {
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			s.args = []string{"--database", newDatabase(t)}
		}
		ring := filepath.Join(s.data(), "seal-keys")
		if err := os.Rename(ring, ring+".away"); err != nil {
			t.Fatal(err)
		}
		s.offline(t, "restore", "--blobs-only", "--repository", "app").says(t, "put it back")
		if err := os.Rename(ring+".away", ring); err != nil {
			t.Fatal(err)
		}
		s.offline(t, "restore", "--blobs-only").says(t, "wants --repository NAME")
		s.offline(t, "restore", "somewhere", "--blobs-only", "--repository", "app").says(t, "takes no backup")
		s.offline(t, "restore").says(t, "name the target of a backup")
		s.offline(t, "restore", "--blobs-only", "--repository", "app").prints(t, "Recovered 2 layers")
		s.offline(t, "restore", "--blobs-only", "--repository", "app").prints(t, "Recovered 0 layers (0 bytes), known before: 2. New in app: 0.\nPush the images again within 24h0m0s")

		s.start()
		s.offline(t, "restore", "--blobs-only", "--repository", "app").says(t, "is in use by another nifuda")
		login := s.aws(t, "ecr", "get-login-password").run(t)
		client.command("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(login).run(t)
		pushed := client.command("push", writeLayout(t, "v1", img.content, img.blobs()...), s.address+"/app:v1").runAll(t)
		for _, layer := range img.Layers {
			if !strings.Contains(pushed, "existing blob: "+layer.Digest) {
				t.Errorf("the layer %s was sent again:\n%s", layer.Digest, pushed)
			}
		}
		if err := newRegistryClient(t, s).verify(t.Context(), "app", "v1", img); err != nil {
			t.Error(err)
		}
		s.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")
	})
}
