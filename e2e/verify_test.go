package e2e_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exits runs a command, which must end with a status, and returns what it printed.
func (c command) exits(t *testing.T, want int) string {
	t.Helper()
	out, said, err := c.output(t)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("%s ends with %d, want %d:\n%s%s", c, got, want, out, said)
	}
	return out
}

// verify reads everything that the server stores.
func (s *server) verify(t *testing.T, status int, args ...string) string {
	t.Helper()
	return s.nifuda(t, append([]string{"verify", "--rate", "0"}, args...)...).exits(t, status)
}

// flipOnDisk changes a byte of the one large file of the blob directory.
func (s *server) flipOnDisk(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data(), "blobs", "[0-9a-f][0-9a-f]", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("found the files %v, %v", files, err)
	}
	content := readFile(t, files[0])
	content[len(content)/2] ^= 1
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsAFlippedByteAndAPushHealsIt(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "crane")
	for name, seal := range map[string]string{"sealed": "on", "as it is": "off"} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, "--seal", seal)
			createRepository(t, s, "app")
			client.command("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
			img := newImage(t, "amd64", 300<<10)
			layout := writeLayout(t, "v1", img.content, img.blobs()...)
			image := s.address + "/app:v1"
			client.command("push", layout, image).run(t)
			s.verify(t, 0)

			s.flipOnDisk(t)
			for _, args := range [][]string{nil, {"--repair"}} {
				out := s.verify(t, 1, args...)
				for _, text := range []string{"BlobDamaged", img.Layers[0].Digest, "arn:aws:ecr:us-east-1:123456789012:repository/app:v1@" + img.Digest} {
					if !strings.Contains(out, text) {
						t.Errorf("verify does not say %q:\n%s", text, out)
					}
				}
			}
			client.command("pull", image, filepath.Join(t.TempDir(), "image.tar")).says(t, "is damaged where it is stored")
			// crane does not push what has a manifest already; others do.
			s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
			client.command("validate", "--remote", image).prints(t, "PASS")
			s.verify(t, 0)
		})
	}
}

// Docker shows the texts of some errors and tries again after others.
func TestDockerIsToldOfDamage(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 300<<10)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	s.flipOnDisk(t)
	s.verify(t, 1, "--repair")
	docker.docker("pull", s.address+"/app:v1").says(t, "is damaged where it is stored and cannot be given. Pushing an image with this layer again repairs it")
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	docker.docker("pull", s.address+"/app:v1").run(t)
	s.verify(t, 0)
}

func TestVerifyGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1<<20)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	s.flipOnDisk(t)
	verify := s.nifuda(t, "verify", "--rate", "128KiB")
	ended := make(chan string, 1)
	go func() {
		out, said, err := verify.output(t)
		ended <- out + said + errorText(err)
	}()
	for status := ""; !strings.Contains(status, "The last verification: Reading"); {
		status = s.nifuda(t, "verify", "--status").run(t)
		if strings.Contains(status, "The last verification: Read everything") {
			t.Fatal("it has ended before the kill")
		}
	}
	s.kill()
	s.start()
	if out := <-ended; !strings.Contains(out, "BlobDamaged") || !strings.Contains(out, "exit status 1") {
		t.Errorf("verify says %s", out)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
