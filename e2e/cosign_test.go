package e2e_test

import (
	"path/filepath"
	"testing"
)

// TestCosignSignsAndVerifies: with a key of the user's own, and without any
// service of the Internet.
func TestCosignSignsAndVerifies(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "cosign")
	s := startServer(t)
	createRepository(t, s, "app")
	createImmutableRepository(t, s, "fixed")
	directory := t.TempDir()
	cosign := func(args ...string) command {
		return command{args: append([]string{"env", "-C", directory, "cosign"}, args...), env: append(client.env, "COSIGN_PASSWORD=")}
	}
	plain := func(args ...string) command { return cosign(append(args, s.plain("--allow-http-registry")...)...) }
	img := newImage(t, "amd64", 1000)
	registry := newRegistryClient(t, s)
	for _, repository := range []string{"app", "fixed"} {
		if err := registry.push(t.Context(), repository, "v1", img); err != nil {
			t.Fatal(err)
		}
	}
	cosign("generate-key-pair").run(t)
	// Nothing of a service that this machine does not reach.
	cosign("signing-config", "create", "--out", "offline.json").run(t)
	cosign("trusted-root", "create", "--out", "trusted.json").run(t)
	writeFile(t, filepath.Join(directory, "predicate.json"), []byte(`{"builder":"by hand"}`))

	for _, repository := range []string{"app", "fixed"} {
		name := s.address + "/" + repository + "@" + img.Digest
		sign := plain("sign", "--key", "cosign.key", "--signing-config", "offline.json", "--trusted-root", "trusted.json", "--yes", name)
		verify := plain("verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--trusted-root", "trusted.json", name)
		if repository == "app" {
			sign.says(t, "Not Authorized")
			cosign("login", s.address, "--username", "AWS", "--password-stdin").input(s.aws(t, "ecr", "get-login-password").run(t)).run(t)
		}
		verify.says(t, "no signatures found")
		sign.run(t)
		sign.run(t) // a second signature beside the first
		verify.prints(t, img.Digest)
		plain("attest", "--key", "cosign.key", "--signing-config", "offline.json", "--trusted-root", "trusted.json", "--type", "custom", "--predicate", "predicate.json", "--yes", name).run(t)
		plain("verify-attestation", "--key", "cosign.pub", "--insecure-ignore-tlog", "--trusted-root", "trusted.json", "--type", "custom", name).prints(t, "payload")
		plain("tree", name).prints(t, img.Digest)
	}
	plain("sign", "--key", "cosign.key", "--signing-config", "offline.json", "--trusted-root", "trusted.json", "--yes", s.address+"/missing@"+img.Digest).says(t, "404 Not Found")
}
