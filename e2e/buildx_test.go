package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withBuildx adds the plugin to the client.
func (c dockerClient) withBuildx(t *testing.T) dockerClient {
	t.Helper()
	needClient(t, "buildx")
	plugin, err := exec.LookPath("buildx")
	if err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Join(t.TempDir(), "cli-plugins")
	if err := os.Mkdir(plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(plugin, filepath.Join(plugins, "docker-buildx")); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "DOCKER_CONFIG="+filepath.Dir(plugins), "DOCKER_BUILDKIT=1")
	return c
}

// TestBuildxJoinsArchitectures: buildx builds for each architecture and joins
// them in the registry under one tag.
func TestBuildxJoinsArchitectures(t *testing.T) {
	docker := newDockerClient(t).withBuildx(t)
	s := startServer(t)
	docker.docker("buildx", "version").prints(t, "github.com/docker/buildx")
	createRepository(t, s, "app")
	createImmutableRepository(t, s, "fixed")
	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile data /\n"))
	join := func(name string, parts ...string) command {
		return docker.docker(append([]string{"buildx", "imagetools", "create", "--tag", name}, parts...)...)
	}
	both := s.address + "/app:both"
	join(both, s.address+"/app:amd64").fail(t) // nobody is signed in, nothing is there
	docker.signIn(t, s)
	var parts []string
	for _, architecture := range []string{"amd64", "arm64"} {
		name := s.address + "/app:" + architecture
		writeFile(t, filepath.Join(directory, "data"), randomBytes(1000))
		docker.docker("buildx", "build", "--platform", "linux/"+architecture, "--load", "--tag", name, directory).run(t)
		docker.push(t, name)
		parts = append(parts, name)
	}
	join(both, parts...).run(t)
	inspected := docker.docker("buildx", "imagetools", "inspect", both).run(t)
	for _, want := range []string{"linux/amd64", "linux/arm64", describeTag(t, s, "app", "both")} {
		if !strings.Contains(inspected, want) {
			t.Errorf("imagetools inspect shows no %s:\n%s", want, inspected)
		}
	}

	fixed := s.address + "/fixed:v1"
	join(fixed, parts...).run(t) // from another repository
	join(fixed, parts...).run(t)
	join(fixed, parts[0]).says(t, immutableTag("fixed", "v1"))
	join(s.address+"/missing:v1", parts...).says(t, missingRepository("missing"))
}
