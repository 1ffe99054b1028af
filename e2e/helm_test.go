package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestHelmPushesAndPullsCharts(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "helm")
	s := startServer(t)
	for _, name := range []string{"charts/app", "charts/fixed"} {
		createImmutableRepository(t, s, name)
	}
	directory := t.TempDir()
	helm := func(args ...string) command {
		return command{args: append([]string{"env", "-C", directory, "helm"}, args...), env: client.env}
	}
	plain := func(args ...string) command { return helm(append(args, s.plain("--plain-http")...)...) }
	helm("create", "app").run(t)
	helm("package", "app", "--version", "1.0.0").run(t)
	helm("package", "app", "--version", "2.0.0").run(t)
	charts := "oci://" + s.address + "/charts"

	plain("push", "app-1.0.0.tgz", charts).says(t, "basic credential not found")
	login := plain("registry", "login", s.address, "--username", "AWS", "--password-stdin")
	login.input("not a token").says(t, "401: Unauthorized")
	login.input(s.aws(t, "ecr", "get-login-password").run(t)).prints(t, "Login Succeeded")

	plain("push", "app-1.0.0.tgz", charts).prints(t, "Pushed: "+s.address+"/charts/app:1.0.0")
	printed := plain("push", "app-2.0.0.tgz", charts).runAll(t)
	if digest := describeTag(t, s, "charts/app", "2.0.0"); !strings.Contains(printed, "Digest: "+digest) {
		t.Errorf("helm push printed %s, the tag has %s", printed, digest)
	}
	pushed := readFile(t, filepath.Join(directory, "app-1.0.0.tgz"))
	plain("pull", charts+"/app", "--version", "1.0.0", "--destination", t.TempDir(), "--untar").run(t)
	plain("pull", charts+"/app", "--version", "1.0.0", "--destination", "app").run(t)
	if got := digestOf(readFile(t, filepath.Join(directory, "app", "app-1.0.0.tgz"))); got != digestOf(pushed) {
		t.Error("the pulled chart is not the pushed one")
	}
	plain("show", "chart", charts+"/app", "--version", "^1").prints(t, "version: 1.0.0") // of all tags
	plain("show", "chart", charts+"/app").prints(t, "version: 2.0.0")
	plain("template", "release", charts+"/app", "--version", "1.0.0").prints(t, "kind: Deployment")

	// A chart of the same version with other contents.
	writeFile(t, filepath.Join(directory, "app", "NOTES"), []byte("another chart"))
	helm("package", "app", "--version", "1.0.0").run(t)
	plain("push", "app-1.0.0.tgz", charts).says(t, immutableTag("charts/app", "1.0.0"))
	plain("push", "app-1.0.0.tgz", "oci://"+s.address+"/elsewhere").says(t, missingRepository("elsewhere/app"))
	plain("pull", charts+"/app", "--version", "3.0.0").says(t, "not found")
	if got := s.aws(t, "ecr", "describe-images", "--repository-name", "charts/app", "--image-ids", "imageTag=1.0.0",
		"--query", "imageDetails[0].artifactMediaType", "--output", "text").run(t); strings.TrimSpace(got) != "application/vnd.cncf.helm.config.v1+json" {
		t.Errorf("describe-images: a chart's artifactMediaType is %s", got)
	}
}

// TestServerServesItsOwnChart: packed, pushed, and rendered from the registry.
func TestServerServesItsOwnChart(t *testing.T) {
	t.Parallel()
	client := newGoClient(t, "helm")
	s := startServer(t)
	createRepository(t, s, "charts/nifuda")
	directory := t.TempDir()
	client.command("package", filepath.Join("..", "deploy", "helm", "nifuda"), "--version", "1.0.0", "--app-version", "v1", "--destination", directory).run(t)
	client.command("registry", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
	plain := func(args ...string) command { return client.command(append(args, s.plain("--plain-http")...)...) }
	plain("push", filepath.Join(directory, "nifuda-1.0.0.tgz"), "oci://"+s.address+"/charts").run(t)
	plain("template", "registry", "oci://"+s.address+"/charts/nifuda", "--kube-version", "1.34.0").prints(t, "image: nifuda:v1")
}
