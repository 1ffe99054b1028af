package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// skopeo is a command of skopeo, signed in to the server.
func (s *server) skopeo(t *testing.T, args ...string) command {
	t.Helper()
	needProgram(t, "skopeo", "skopeo")
	authfile := filepath.Join(s.directory, "skopeo.json")
	if !exists(authfile) {
		command{
			args:  []string{"skopeo", "login", "--authfile", authfile, "--tls-verify=false", "--username", "AWS", "--password-stdin", s.address},
			stdin: registryPassword(t, s),
		}.run(t)
	}
	all := append([]string{"skopeo", "--insecure-policy"}, args...)
	return command{args: all, env: []string{"REGISTRY_AUTH_FILE=" + authfile}}
}

// at is the server's image with the tag or the @digest, as skopeo names it.
func (s *server) at(repository, reference string) string {
	if !strings.HasPrefix(reference, "@") {
		reference = ":" + reference
	}
	return "docker://" + s.address + "/" + repository + reference
}

func TestSkopeoCopiesInAndOut(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000, 200<<10)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)

	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)

	type inspection struct {
		Digest   string
		RepoTags []string
		Layers   []string
	}
	got := decode[inspection](t, s.skopeo(t, "inspect", "--tls-verify=false", s.at("app", "v1")).run(t))
	want := inspection{Digest: img.Digest, RepoTags: []string{"v1"}, Layers: []string{img.Layers[0].Digest, img.Layers[1].Digest}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inspect (-want +got):\n%s", diff)
	}

	out := t.TempDir()
	s.skopeo(t, "copy", "--src-tls-verify=false", s.at("app", "@"+img.Digest), "dir:"+out).run(t)
	for name, want := range map[string]content{
		"manifest.json": img.content,
		strings.TrimPrefix(img.Config.Digest, "sha256:"):    img.Config,
		strings.TrimPrefix(img.Layers[0].Digest, "sha256:"): img.Layers[0],
		strings.TrimPrefix(img.Layers[1].Digest, "sha256:"): img.Layers[1],
	} {
		if got := digestOf(readFile(t, filepath.Join(out, name))); got != want.Digest {
			t.Errorf("copied out, %s has the digest %s, want %s", name, got, want.Digest)
		}
	}
	// And in again from there, to another name.
	s.skopeo(t, "copy", "--dest-tls-verify=false", "dir:"+out, s.at("app", "again")).run(t)

	type list struct{ Tags []string }
	tags := decode[list](t, s.skopeo(t, "list-tags", "--tls-verify=false", "docker://"+s.address+"/app").run(t)).Tags
	slices.Sort(tags)
	if diff := cmp.Diff([]string{"again", "v1"}, tags); diff != "" {
		t.Errorf("list-tags (-want +got):\n%s", diff)
	}
}

func TestSkopeoCopiesEveryArchitecture(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	createRepository(t, s, "copy")
	amd64, arm64 := newImage(t, "amd64", 1000), newImage(t, "arm64", 1000)
	index := newIndex(t, map[string]image{"amd64": amd64, "arm64": arm64})
	contents := slices.Concat(amd64.blobs(), arm64.blobs(), []content{amd64.content, arm64.content})
	layout := writeLayout(t, "all", index, contents...)

	s.skopeo(t, "copy", "--all", "--dest-tls-verify=false", "oci:"+layout+":all", s.at("app", "all")).run(t)
	raw := s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("app", "all")).run(t)
	if raw != string(index.Bytes) {
		t.Errorf("the index changed on its way:\n%s\nwant\n%s", raw, index.Bytes)
	}
	// From one repository to another of the same registry.
	s.skopeo(t, "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", s.at("app", "all"), s.at("copy", "all")).run(t)
	for _, img := range []image{amd64, arm64} {
		if got := s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("copy", "@"+img.Digest)).run(t); got != string(img.Bytes) {
			t.Errorf("the copied manifest changed on its way:\n%s\nwant\n%s", got, img.Bytes)
		}
	}
	arm := s.skopeo(t, "--override-arch=arm64", "inspect", "--tls-verify=false", s.at("copy", "all")).run(t)
	if got := decode[struct{ Architecture string }](t, arm).Architecture; got != "arm64" {
		t.Errorf("inspect for arm64 answers for %s", got)
	}
}

func TestSkopeoDeletes(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	s.skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layout+":v1", s.at("app", "v1")).run(t)
	s.skopeo(t, "delete", "--tls-verify=false", s.at("app", "v1")).run(t)
	text := s.skopeo(t, "inspect", "--tls-verify=false", s.at("app", "v1")).fail(t)
	if !strings.Contains(text, "manifest unknown") {
		t.Errorf("inspect of a deleted image says\n%s\nwant manifest unknown", text)
	}
}

func TestSkopeoIsRefusedWithoutSigningIn(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	needProgram(t, "skopeo", "skopeo")
	text := command{
		args: []string{"skopeo", "list-tags", "--tls-verify=false", "docker://" + s.address + "/app"},
		env:  []string{"REGISTRY_AUTH_FILE=" + filepath.Join(s.directory, "nobody.json")},
	}.fail(t)
	if !strings.Contains(text, "authentication required") && !strings.Contains(text, "unauthorized") {
		t.Errorf("list-tags without signing in says\n%s\nwant that authentication is required", text)
	}
}
