package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRegctlPushesAndPulls(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "regctl")
	regctl := client.command
	s := startServer(t)
	createRepository(t, s, "app")
	createRepository(t, s, "copy")
	createImmutableRepository(t, s, "fixed")
	amd64, arm64 := newImage(t, "amd64", 1000, 100<<10), newImage(t, "arm64", 1000)
	index := newIndex(t, map[string]image{"amd64": amd64, "arm64": arm64})
	contents := slices.Concat(amd64.blobs(), arm64.blobs(), []content{amd64.content, arm64.content})
	layout := "ocidir://" + writeLayout(t, "all", index, contents...) + ":all"
	other := "ocidir://" + writeLayout(t, "v1", amd64.content, amd64.blobs()...) + ":v1"
	all := s.address + "/app:all"

	if !s.secure {
		regctl("registry", "set", "--skip-check", "--tls", "disabled", s.address).run(t)
	}
	regctl("tag", "ls", s.address+"/app").says(t, "unauthorized")
	login := regctl("registry", "login", "--user", "AWS", "--pass-stdin", s.address)
	login.input("not a token").says(t, "unauthorized")
	login.input(s.aws(t, "ecr", "get-login-password").run(t)).run(t)

	regctl("image", "copy", layout, all).run(t)
	regctl("image", "digest", all).prints(t, index.Digest)
	regctl("image", "digest", "--platform", "linux/arm64", all).prints(t, arm64.Digest)
	regctl("manifest", "get", "--format", "raw-body", all).prints(t, string(index.Bytes))
	regctl("tag", "ls", s.address+"/app").prints(t, "all")
	regctl("repo", "ls", s.address).prints(t, "app\ncopy\nfixed")
	pulled := filepath.Join(t.TempDir(), "pulled")
	regctl("image", "copy", all, "ocidir://"+pulled+":all").run(t)
	for _, img := range []image{amd64, arm64} {
		if got := digestOf(readFile(t, filepath.Join(pulled, "blobs", "sha256", strings.TrimPrefix(img.Layers[0].Digest, "sha256:")))); got != img.Layers[0].Digest {
			t.Errorf("pulled a layer with the digest %s, want %s", got, img.Layers[0].Digest)
		}
	}

	regctl("artifact", "put", "--artifact-type", "application/vnd.example.note", "--subject", all).input("a note").run(t)
	regctl("image", "copy", "--referrers", all, s.address+"/copy:all").run(t)
	regctl("artifact", "list", s.address+"/copy:all").prints(t, "application/vnd.example.note")
	regctl("artifact", "get", "--subject", s.address+"/copy:all").prints(t, "a note")

	fixed := s.address + "/fixed:v1"
	regctl("image", "copy", layout, fixed).run(t)
	regctl("image", "copy", layout, fixed).run(t)
	regctl("image", "copy", other, fixed).says(t, immutableTag("fixed", "v1"))
	regctl("image", "copy", layout, s.address+"/missing:v1").says(t, missingRepository("missing"))
	regctl("image", "digest", s.address+"/app:none").says(t, "not found")
	regctl("tag", "delete", s.address+"/copy:all").run(t)
	regctl("image", "digest", s.address+"/copy:all").says(t, "not found")
}
