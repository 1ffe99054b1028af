package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// imageFile is a file of what `make image` builds.
func imageFile(t *testing.T, name string) string {
	t.Helper()
	directory := os.Getenv("NIFUDA_IMAGE")
	need(t, directory != "", "the container image: run the tests by make e2e, or run make image and set NIFUDA_IMAGE")
	return filepath.Join(directory, name)
}

var loadedImage = regexp.MustCompile(`Loaded image: (?:localhost/|docker.io/library/)?(nifuda:\S+)`)

// loadImage gives the daemon the image for this machine and returns its name.
func (c dockerClient) loadImage(t *testing.T) string {
	t.Helper()
	out := c.docker("load", "--input", imageFile(t, "nifuda-linux-"+runtime.GOARCH+".tar")).run(t)
	for _, match := range loadedImage.FindAllStringSubmatch(out, -1) {
		if match[1] != "nifuda:latest" {
			return match[1]
		}
	}
	t.Fatalf("docker load names no version: %s", out)
	return ""
}

// TestImageRunsAsItIs: without root, with a file system that cannot be written
// but for its volume, and with nothing set.
func TestImageRunsAsItIs(t *testing.T) {
	docker := newDockerClient(t)
	name := docker.loadImage(t)
	const volume = "of-an-image"
	run := func(args ...string) command {
		return docker.docker(slices.Concat([]string{
			"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--volume", volume + ":/data",
		}, args)...)
	}
	defer func() { docker.docker("volume", "rm", volume).run(t) }()
	run(name, "version").prints(t, "nifuda "+strings.TrimPrefix(name, "nifuda:"))

	container := strings.TrimSpace(run("--detach", name).run(t))
	exec := func(args ...string) command {
		return docker.docker(slices.Concat([]string{"exec", container, "/nifuda"}, args)...)
	}
	await(t, "nifuda in a container", func() bool {
		_, _, err := exec("healthcheck").output(t)
		return err == nil
	})
	exec("healthcheck", "--listen", "127.0.0.1:1").says(t, "connection refused")
	docker.docker("top", container, "-o", "pid,uid").prints(t, "65532")
	if got := docker.docker("logs", container).runAll(t); !strings.Contains(got, "AWS_CONFIG_FILE=/data/aws/config") {
		t.Errorf("the log of the first start is %s", got)
	}
	docker.docker("stop", "--time", "40", container).run(t)
	run(name, "healthcheck").says(t, "ask whether the server is ready")
}

// TestServerServesItsOwnImage: pushed by clients that need no engine, pulled and
// run by docker, which chooses its platform.
func TestServerServesItsOwnImage(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	createRepository(t, s, "nifuda")
	layout := imageFile(t, "oci")
	client := newGoClient(t, "crane")
	client.command("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
	pushed := client.command("push", layout, s.address+"/nifuda:crane").run(t)
	s.skopeo(t, "copy", "--all", "--dest-tls-verify=false", "oci:"+layout, s.at("nifuda", "skopeo")).run(t)
	digest := describeTag(t, s, "nifuda", "crane")
	if !strings.Contains(pushed, digest) {
		t.Errorf("crane pushed %s, the tag has %s", pushed, digest)
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} { // skopeo writes the index itself anew
		client.command("digest", "--platform", platform, s.address+"/nifuda:skopeo").
			prints(t, client.command("digest", "--platform", platform, s.address+"/nifuda:crane").run(t))
	}
	client.command("manifest", s.address+"/nifuda@"+digest).prints(t, `"architecture":"arm64"`)

	docker.signIn(t, s)
	name := s.address + "/nifuda@" + digest
	docker.docker("pull", name).prints(t, digest)
	docker.docker("run", "--rm", "--network", "none", name, "version").prints(t, "nifuda ")
	if got := docker.docker("image", "inspect", "--format", "{{.Architecture}}", name).run(t); strings.TrimSpace(got) != runtime.GOARCH {
		t.Errorf("docker pulled the image for %s", got)
	}
}
