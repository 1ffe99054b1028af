package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// orasReferrers is what `oras discover --format json` prints.
type orasReferrers struct {
	Digest    string `json:"digest"`
	Referrers []struct {
		Digest       string          `json:"digest"`
		ArtifactType string          `json:"artifactType"`
		Referrers    []orasReferrers `json:"referrers"`
	} `json:"referrers"`
}

func TestORASPushesAndPulls(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "oras")
	s := startServer(t)
	createRepository(t, s, "app")
	createRepository(t, s, "copy")
	createImmutableRepository(t, s, "fixed")
	directory := t.TempDir()
	// In a directory of its own, because oras takes file names as they are.
	oras := func(name string, args ...string) command {
		all := slices.Concat([]string{"env", "-C", directory, "oras"}, strings.Fields(name), args)
		return command{args: all, env: client.env}
	}
	plain := func(name string, args ...string) command {
		return oras(name, append(args, s.plain("--plain-http")...)...)
	}
	writeFile(t, filepath.Join(directory, "report.txt"), []byte("all is well\n"))
	writeFile(t, filepath.Join(directory, "sbom.json"), []byte(`{"packages":[]}`))
	writeFile(t, filepath.Join(directory, "signature"), []byte("signed"))
	v1 := s.address + "/app:v1"

	plain("push", v1, "report.txt:text/plain").says(t, "basic credential not found")
	login := plain("login", s.address, "--username", "AWS", "--password-stdin")
	login.input("not a token").says(t, "401: Unauthorized")
	login.input(s.aws(t, "ecr", "get-login-password").run(t)).prints(t, "Login Succeeded")

	plain("push", v1, "--artifact-type", "application/vnd.example.report", "report.txt:text/plain").prints(t, "Pushed [registry] "+v1)
	digest := describeTag(t, s, "app", "v1")
	plain("pull", v1, "--output", "pulled").prints(t, digest)
	if got := string(readFile(t, filepath.Join(directory, "pulled", "report.txt"))); got != "all is well\n" {
		t.Errorf("pulled %q", got)
	}
	plain("repo tags", s.address+"/app").prints(t, "v1")
	plain("repo ls", s.address).prints(t, "app\ncopy\nfixed")

	// Something about the artifact, and something about that.
	plain("attach", v1, "--artifact-type", "application/vnd.example.sbom", "sbom.json:application/json").run(t)
	type tree = orasReferrers
	found := decode[tree](t, plain("discover", v1, "--format", "json").run(t))
	if len(found.Referrers) != 1 || found.Referrers[0].ArtifactType != "application/vnd.example.sbom" {
		t.Fatalf("oras discover: %+v, want the SBOM", found)
	}
	sbom := found.Referrers[0].Digest
	plain("attach", s.address+"/app@"+sbom, "--artifact-type", "application/vnd.example.signature", "signature").run(t)
	plain("discover", v1, "--artifact-type", "application/vnd.example.none", "--format", "json").prints(t, `"referrers": []`)

	// The copy has all of it.
	both := append(s.plain("--from-plain-http"), s.plain("--to-plain-http")...)
	oras("cp", append(both, "--recursive", v1, s.address+"/copy:v1")...).run(t)
	before := plain("discover", v1, "--format", "tree", "--depth", "3").run(t)
	after := plain("discover", s.address+"/copy:v1", "--format", "tree", "--depth", "3").run(t)
	if diff := cmp.Diff(strings.ReplaceAll(before, "/app@", "/copy@"), after); diff != "" || strings.Count(after, "application/vnd.example") != 2 {
		t.Errorf("oras discover of the copy (-source +copy):\n%s", diff)
	}

	plain("push", s.address+"/fixed:v1", "report.txt").run(t)
	plain("push", s.address+"/fixed:v1", "sbom.json").says(t, "tag invalid: "+immutableTag("fixed", "v1"))
	plain("push", s.address+"/missing:v1", "report.txt").says(t, "name unknown: "+missingRepository("missing"))
	plain("pull", s.address+"/app:none").says(t, "not found")
	plain("manifest delete", "--force", s.address+"/copy@"+digest).run(t)
	plain("manifest fetch", s.address+"/copy:v1").says(t, "not found")
}

// TestORASCopiesAnIndexWithSubjects: the index, its images, and what was said
// about each of them.
func TestORASCopiesAnIndexWithSubjects(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "oras")
	s := startServer(t)
	createRepository(t, s, "app")
	createRepository(t, s, "copy")
	oras := func(args ...string) command { return client.command(append(args, s.plain("--plain-http")...)...) }
	oras("login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)

	amd64, arm64 := newImage(t, "amd64", 1000), newImage(t, "arm64", 1000)
	index := newIndex(t, map[string]image{"amd64": amd64, "arm64": arm64})
	contents := slices.Concat(amd64.blobs(), arm64.blobs(), []content{amd64.content, arm64.content})
	layout := writeLayout(t, "all", index, contents...)
	client.command(append([]string{"cp", "--recursive", "--from-oci-layout", layout + ":all", s.address + "/app:all"}, s.plain("--to-plain-http")...)...).run(t)
	subjects := []string{index.Digest, amd64.Digest, arm64.Digest}
	for _, subject := range subjects {
		oras("attach", s.address+"/app@"+subject, "--artifact-type", "application/vnd.example.note", "--annotation", "of="+subject).run(t)
	}

	both := append(s.plain("--from-plain-http"), s.plain("--to-plain-http")...)
	client.command(append([]string{"cp", "--recursive", s.address + "/app:all", s.address + "/copy:all"}, both...)...).run(t)
	if got := describeTag(t, s, "copy", "all"); got != index.Digest {
		t.Errorf("the copy has the digest %s, want %s", got, index.Digest)
	}
	for _, subject := range subjects {
		before := decode[orasReferrers](t, oras("discover", s.address+"/app@"+subject, "--format", "json").run(t))
		after := decode[orasReferrers](t, oras("discover", s.address+"/copy@"+subject, "--format", "json").run(t))
		if len(after.Referrers) != 1 || len(before.Referrers) != 1 || after.Referrers[0].Digest != before.Referrers[0].Digest {
			t.Errorf("referrers of %s: copied %+v, were %+v", subject, after.Referrers, before.Referrers)
		}
	}
}
