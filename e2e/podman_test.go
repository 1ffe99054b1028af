package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A podmanClient is podman, or buildah, with images and credentials of its own.
type podmanClient struct {
	program []string
	env     []string
}

func newPodmanClient(t *testing.T, program string) podmanClient {
	t.Helper()
	needRoot(t, program)
	needProgram(t, program, program)
	directory, err := shortDirectory(program + "-")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		program, "--root", filepath.Join(directory, "root"), "--runroot", filepath.Join(directory, "run"),
		"--storage-driver", "vfs", // works inside a container too
	}
	if program == "podman" {
		args = append(args, "--tmpdir", filepath.Join(directory, "tmp"), "--cgroup-manager", "cgroupfs", "--events-backend", "file")
	}
	authfile := filepath.Join(directory, "auth.json")
	writeFile(t, authfile, []byte("{}"))
	return podmanClient{program: args, env: []string{"HOME=" + directory, "REGISTRY_AUTH_FILE=" + authfile}}
}

func (c podmanClient) command(args ...string) command {
	return command{args: slices.Concat(c.program, args), env: c.env}
}

// on is a command that talks to the server.
func (c podmanClient) on(s *server, name string, args ...string) command {
	return c.command(slices.Concat(strings.Fields(name), s.plain("--tls-verify=false"), args)...)
}

func (c podmanClient) signIn(t *testing.T, s *server) {
	t.Helper()
	login := c.on(s, "login", "--username", "AWS", "--password-stdin", s.address)
	login.input("not a token").says(t, "invalid username/password")
	login.input(s.aws(t, "ecr", "get-login-password").run(t)).prints(t, "Login Succeeded!")
}

// build builds an image that no other image is equal to.
func (c podmanClient) build(t *testing.T, name string) {
	t.Helper()
	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, "data"), randomBytes(100<<10))
	writeFile(t, filepath.Join(directory, "Dockerfile"), []byte("FROM scratch\nCOPY data /data\n"))
	c.command("build", "--tag", name, directory).run(t)
}

func TestPodmanPushesAndPulls(t *testing.T) {
	t.Parallel()
	podmanAndBuildah(t, "podman")
}

func TestBuildahPushesAndPulls(t *testing.T) {
	t.Parallel()
	podmanAndBuildah(t, "buildah")
}

// podmanAndBuildah is what both do with the same words.
func podmanAndBuildah(t *testing.T, program string) {
	client := newPodmanClient(t, program)
	s := startServer(t)
	createRepository(t, s, "team/app")
	createImmutableRepository(t, s, "fixed")
	name := s.address + "/team/app:v1"
	client.build(t, name)
	client.on(s, "push", name, "docker://"+name).says(t, "authentication required")
	client.signIn(t, s)

	client.on(s, "push", name, "docker://"+name).run(t)
	pushed := describeTag(t, s, "team/app", "v1")
	id := client.command("images", "--no-trunc", "--quiet", name).run(t)
	client.command("rmi", name).run(t)
	client.on(s, "pull", name).run(t)
	if pulled := client.command("images", "--no-trunc", "--quiet", name).run(t); pulled != id {
		t.Errorf("pulled the image %s, pushed was %s", pulled, id)
	}
	client.on(s, "pull", s.address+"/team/app@"+pushed).run(t)
	client.on(s, "pull", s.address+"/team/app:none").says(t, "manifest unknown: Requested image not found")

	client.on(s, "push", name, "docker://"+s.address+"/missing:v1").says(t, "name unknown: "+missingRepository("missing"))

	fixed := "docker://" + s.address + "/fixed:v1"
	client.on(s, "push", name, fixed).run(t)
	client.on(s, "push", name, fixed).run(t)
	other := s.address + "/team/app:v2"
	client.build(t, other)
	client.on(s, "push", other, fixed).says(t, "tag invalid: "+immutableTag("fixed", "v1"))

	client.on(s, "push", other, "docker://"+other).run(t)
	client.command("manifest", "create", "both").run(t)
	for _, part := range []string{name, other} {
		client.on(s, "manifest add", "both", "docker://"+part).run(t)
	}
	client.on(s, "manifest push", "--all", "both", "docker://"+s.address+"/team/app:both").run(t)
	if got := mediaType(t, s, "team/app", "both"); got != ociIndex {
		t.Errorf("the manifest list was pushed as %s, want %s", got, ociIndex)
	}
	client.command("logout", s.address).run(t)
	client.command("rmi", name).run(t)
	client.on(s, "pull", name).says(t, "authentication required")
}
