package e2e_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
)

// TestSkopeoAndHelmAreHeldToPolicies lets both do what each kind of person may
// with the charts of one repository, and nothing else. A chart is an image like
// any other, and its version is a tag.
func TestSkopeoAndHelmAreHeldToPolicies(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	charts := newCharts(t, s)
	createRepository(t, s, "charts/app")
	createRepository(t, s, "elsewhere/app")
	charts.signIn(t, s.root(t).password(t))
	charts.push(t, "1.0.0", "charts").run(t)
	charts.push(t, "2.0.0", "charts").run(t)

	const tagged = `,"Condition":{"StringLike":{"nifuda:ImageTag":"1.*"}}`
	push := `["ecr:GetDownloadUrlForLayer",` + pushActs[1:]
	on := `,"Resource":"` + repositoryARN("charts/*") + `"`
	puller := s.newUser(t, "puller", policyOf(allowLogin, `{"Effect":"Allow","Action":`+pullActs+on+`}`))
	pusher := s.newUser(t, "pusher", policyOf(allowLogin, `{"Effect":"Allow","Action":`+push+on+`}`))
	releaser := s.newUser(t, "releaser", policyOf(
		allowLogin, `{"Effect":"Allow","Action":`+push+on+`}`,
		`{"Effect":"Deny","Action":"ecr:PutImage","Resource":"*","Condition":{"StringNotLike":{"nifuda:ImageTag":"1.*"}}}`))
	reader := s.newUser(t, "reader", policyOf(
		allowLogin, `{"Effect":"Allow","Action":"ecr:GetDownloadUrlForLayer"`+on+`}`,
		`{"Effect":"Allow","Action":"ecr:BatchGetImage"`+on+tagged+`}`))
	stranger := s.newUser(t, "stranger", policyOf(allowLogin))
	role := "arn:aws:iam::" + account + ":role/publisher"
	s.aws(t, "iam", "create-role", "--role-name", "publisher", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole"}]}`).run(t)
	s.aws(t, "iam", "attach-role-policy", "--role-name", "publisher", "--policy-arn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser").run(t)
	boss := s.newUser(t, "boss", statement("Allow", `"sts:AssumeRole"`, `"`+role+`"`, ""))
	session := boss.assume(t, role, policyOf(allowLogin, `{"Effect":"Allow","Action":`+pullActs+on+`}`))

	for _, c := range []struct {
		name         string
		password     string
		pull1, pull2 bool
		push1, push3 bool // 1.1.0 and 3.0.0 of the charts
	}{
		{name: "pull-only", password: puller.password(t), pull1: true, pull2: true},
		{name: "push to some", password: pusher.password(t), pull1: true, pull2: true, push1: true, push3: true},
		{name: "push of some tags", password: releaser.password(t), pull1: true, pull2: true, push1: true},
		{name: "pull of some tags", password: reader.password(t), pull1: true},
		{name: "no policy", password: stranger.password(t)},
		{name: "session with a policy", password: session.password(t), pull1: true, pull2: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			charts.signIn(t, c.password)
			held(t, c.pull1, charts.pull(t, "1.0.0"))
			held(t, c.pull2, charts.pull(t, "2.0.0"))
			held(t, c.push1, charts.push(t, "1.1.0", "charts"))
			held(t, c.push3, charts.push(t, "3.0.0", "charts"))
			held(t, false, charts.push(t, "1.0.0", "elsewhere"))
			held(t, c.pull1, charts.copyOut(t, "1.0.0"))
			held(t, c.pull2, charts.copyOut(t, "2.0.0"))
			held(t, c.push1, charts.copyIn(t, "1.2.0"))
			held(t, c.push3, charts.copyIn(t, "3.2.0"))
		})
	}
}

// TestSkopeoAndHelmPullAcrossAccounts with a token for the other account's
// registry, which is what localhost then means.
func TestSkopeoAndHelmPullAcrossAccounts(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	charts := newCharts(t, s)
	createRepository(t, s, "charts/app")
	charts.signIn(t, s.root(t).password(t))
	charts.push(t, "1.0.0", "charts").run(t)
	partner := s.newAccount(t, otherAccount)
	allowed := partner.addUser(t, "allowed", policyOf(allowLogin, `{"Effect":"Allow","Action":`+pullActs+`,"Resource":"*"}`))
	idle := partner.addUser(t, "idle", policyOf(allowLogin))

	pulls := func(p person, may bool) {
		t.Helper()
		token := p.aws(t, "ecr", "get-authorization-token", "--registry-ids", account, "--query", "authorizationData[0].authorizationToken", "--output", "text").run(t)
		login, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		if err != nil {
			t.Fatal(err)
		}
		charts.signIn(t, strings.TrimPrefix(string(login), "AWS:"))
		held(t, may, charts.pull(t, "1.0.0"))
		held(t, may, charts.copyOut(t, "1.0.0"))
	}
	pulls(allowed, false)
	s.aws(t, "ecr", "set-repository-policy", "--repository-name", "charts/app", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+otherAccount+`"},"Action":`+pullActs+`}]}`).run(t)
	pulls(allowed, true)
	pulls(idle, false)
}

// held runs a command that may do what it does, or is told that it may not.
// Where a client asks by HEAD there is no text but the status.
func held(t *testing.T, may bool, c command) {
	t.Helper()
	if may {
		c.run(t)
		return
	}
	if said := c.fail(t); !strings.Contains(said, "403") && !strings.Contains(said, "denied: User: arn:aws:") {
		t.Errorf("%s says %s", c, said)
	}
}

// charts are versions of one chart, with helm and skopeo signed in as somebody.
type charts struct {
	server    *server
	helm      func(args ...string) command
	authfile  string
	directory string
}

func newCharts(t *testing.T, s *server) charts {
	t.Helper()
	client := newGoClient(t, "helm")
	c := charts{server: s, directory: t.TempDir()}
	c.authfile = filepath.Join(c.directory, "auth.json")
	c.helm = func(args ...string) command {
		return command{args: append([]string{"env", "-C", c.directory, "helm"}, args...), env: client.env}
	}
	c.helm("create", "app").run(t)
	for _, version := range []string{"1.0.0", "1.1.0", "2.0.0", "3.0.0"} {
		c.helm("package", "app", "--version", version).run(t)
	}
	return c
}

func (c charts) skopeo(args ...string) command {
	return command{args: append([]string{"skopeo", "--insecure-policy"}, args...), env: []string{"REGISTRY_AUTH_FILE=" + c.authfile}}
}

func (c charts) signIn(t *testing.T, password string) {
	t.Helper()
	c.helm("registry", "login", c.server.address, "--username", "AWS", "--password-stdin", c.server.plain("--plain-http")[0]).
		input(password).prints(t, "Login Succeeded")
	c.skopeo("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", c.server.address).input(password).run(t)
}

func (c charts) push(t *testing.T, version, to string) command {
	t.Helper()
	return c.helm(append([]string{"push", "app-" + version + ".tgz", "oci://" + c.server.address + "/" + to}, c.server.plain("--plain-http")...)...)
}

func (c charts) pull(t *testing.T, version string) command {
	t.Helper()
	return c.helm(append([]string{"pull", "oci://" + c.server.address + "/charts/app", "--version", version, "--destination", t.TempDir()}, c.server.plain("--plain-http")...)...)
}

func (c charts) copyOut(t *testing.T, version string) command {
	t.Helper()
	return c.skopeo("copy", "--src-tls-verify=false", c.server.at("charts/app", version), "dir:"+t.TempDir())
}

// copyIn pushes an image of its own as a version.
func (c charts) copyIn(t *testing.T, version string) command {
	t.Helper()
	img := newImage(t, "amd64", 1000)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	return c.skopeo("copy", "--dest-tls-verify=false", "oci:"+layout+":v1", c.server.at("charts/app", version))
}
