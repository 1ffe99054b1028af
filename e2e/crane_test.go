package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A goClient is one of the clients that `make clients` builds, with a home and
// so with credentials of its own.
type goClient struct {
	program string
	env     []string
}

func newGoClient(t *testing.T, program string) goClient {
	t.Helper()
	needClient(t, program)
	home := t.TempDir()
	return goClient{program: program, env: []string{"HOME=" + home, "DOCKER_CONFIG=" + filepath.Join(home, ".docker")}}
}

func (c goClient) command(args ...string) command {
	return command{args: append([]string{c.program}, args...), env: c.env}
}

func TestCranePushesAndPulls(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "crane")
	crane := client.command
	s := startServer(t)
	createRepository(t, s, "app")
	createRepository(t, s, "copy")
	createImmutableRepository(t, s, "fixed")
	amd64, arm64 := newImage(t, "amd64", 1000, 100<<10), newImage(t, "arm64", 1000)
	amd64Layout := writeLayout(t, "v1", amd64.content, amd64.blobs()...)
	arm64Layout := writeLayout(t, "v1", arm64.content, arm64.blobs()...)
	v1 := s.address + "/app:v1"

	crane("push", amd64Layout, v1).says(t, "401 Unauthorized")
	login := crane("auth", "login", s.address, "--username", "AWS", "--password-stdin")
	login.input("not a token").run(t) // crane asks the registry nothing here
	crane("ls", s.address+"/app").says(t, "401 Unauthorized: Not Authorized")
	login.input(s.aws(t, "ecr", "get-login-password").run(t)).run(t)

	crane("push", amd64Layout, v1).prints(t, amd64.Digest)
	crane("push", arm64Layout, s.address+"/app:arm64").run(t)
	crane("digest", v1).prints(t, amd64.Digest)
	crane("manifest", v1).prints(t, string(amd64.Bytes))
	crane("validate", "--remote", v1).prints(t, "PASS")
	pulled := t.TempDir()
	crane("pull", "--format", "oci", v1, pulled).run(t)
	if got := digestOf(readFile(t, filepath.Join(pulled, "blobs", "sha256", strings.TrimPrefix(amd64.Digest, "sha256:")))); got != amd64.Digest {
		t.Errorf("pulled a manifest with the digest %s, want %s", got, amd64.Digest)
	}

	crane("tag", v1, "stable").run(t)
	crane("copy", v1, s.address+"/copy:v1").prints(t, "mounted blob") // from one repository to another
	crane("index", "append", "--manifest", v1, "--manifest", s.address+"/app:arm64", "--tag", s.address+"/app:all").run(t)
	crane("digest", "--platform", "linux/arm64", s.address+"/app:all").prints(t, arm64.Digest)
	tags := strings.Fields(crane("ls", s.address+"/app").run(t))
	if want := []string{"all", "arm64", "stable", "v1"}; !slices.Equal(tags, want) {
		t.Errorf("crane ls: %q, want %q", tags, want)
	}
	crane("catalog", s.address).prints(t, "app\ncopy\nfixed\n")

	crane("push", amd64Layout, s.address+"/fixed:v1").run(t)
	crane("push", amd64Layout, s.address+"/fixed:v1").run(t)
	crane("push", arm64Layout, s.address+"/fixed:v1").says(t, "TAG_INVALID: "+immutableTag("fixed", "v1"))
	crane("push", amd64Layout, s.address+"/missing:v1").says(t, "NAME_UNKNOWN: "+missingRepository("missing"))
	crane("delete", s.address+"/app:stable").run(t)
	crane("manifest", s.address+"/app:stable").says(t, "MANIFEST_UNKNOWN: Requested image not found")
}
