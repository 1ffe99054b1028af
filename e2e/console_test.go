package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// browserLimit is how long a script may take.
const browserLimit = 10 * time.Minute

func needBrowser(t *testing.T) {
	t.Helper()
	needProgram(t, "node", "nodejs")
	needProgram(t, "chromium", "chromium")
	need(t, exists("browser/node_modules"), "Playwright and axe (make clients installs them)")
}

// inBrowser runs a script of browser/ with Chromium on the console of a server.
func (s *server) inBrowser(t *testing.T, script string, env ...string) command {
	t.Helper()
	needBrowser(t)
	env = append(env, "BASE="+s.url(), "ACCESS_KEY_ID="+accessKey(t, s), "SECRET_ACCESS_KEY="+secretKey(t, s))
	return command{args: []string{"node", filepath.Join("browser", script)}, env: append(env, s.awsEnvironment()...), limit: browserLimit}
}

// furnish fills the registry with what a console has to show: an index with two
// platforms and a signature, tags that moved, an immutable repository, a user, and
// something deleted. It returns the digest of the index.
func furnish(t *testing.T, s *server) (index string) {
	t.Helper()
	client := newRepository(t, s, "team/app")
	api := ecrClient(t, s)
	for _, name := range []string{"team/web", "base/alpine", "charts/shop", "tools/builder"} {
		createRepository(t, s, name)
	}
	frozen := &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("team/frozen"), ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: []types.ImageTagMutabilityExclusionFilter{
			{Filter: aws.String("dev-*"), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard},
			{Filter: aws.String("latest"), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard},
		},
	}
	if _, err := api.CreateRepository(t.Context(), frozen); err != nil {
		t.Fatal(err)
	}
	amd, arm := newImage(t, "amd64", 1000, 200<<10), newImage(t, "arm64", 1000, 300<<10)
	for _, img := range []image{amd, arm} {
		if err := client.push(t.Context(), "team/app", img.Digest, img); err != nil {
			t.Fatal(err)
		}
	}
	both := newIndex(t, map[string]image{"amd64": amd, "arm64": arm})
	client.putManifest(t, "team/app", "v1", both)
	client.putManifest(t, "team/app", "prod", both)
	for _, tag := range []string{"v2", "prod", "latest"} {
		if err := client.push(t.Context(), "team/app", tag, newImage(t, "amd64", 50<<10)); err != nil {
			t.Fatal(err)
		}
	}
	base := newImage(t, "amd64", 150<<10)
	for _, repository := range []string{"team/frozen", "team/web", "base/alpine"} {
		for _, tag := range []string{"1.0", "dev-1", "latest"} {
			if err := client.push(t.Context(), repository, tag, newImage(t, "amd64", 80<<10)); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.push(t.Context(), repository, "base", base); err != nil {
			t.Fatal(err)
		}
	}
	remove := &ecr.BatchDeleteImageInput{RepositoryName: aws.String("team/web"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("dev-1")}}}
	if _, err := api.BatchDeleteImage(t.Context(), remove); err != nil {
		t.Fatal(err)
	}
	if _, err := api.DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: aws.String("tools/builder")}); err != nil {
		t.Fatal(err)
	}
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*"}]}`
	for _, call := range [][]string{
		{"iam", "create-user", "--user-name", "ci"},
		{"iam", "create-access-key", "--user-name", "ci"},
		{"iam", "create-group", "--group-name", "builders"},
		{"iam", "add-user-to-group", "--group-name", "builders", "--user-name", "ci"},
		{"iam", "create-role", "--role-name", "deployer", "--assume-role-policy-document", trust},
		{"iam", "create-policy", "--policy-name", "pull", "--policy-document", policy},
		{"kms", "create-key", "--description", "images of the team"},
		{
			"ecr", "set-repository-policy", "--repository-name", "team/app", "--policy-text",
			`{"Version":"2012-10-17","Statement":[{"Sid":"Pull","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/deployer"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}`,
		},
	} {
		s.aws(t, call...).run(t)
	}
	return both.Digest
}

// putManifest puts a manifest whose parts are there.
func (c registryClient) putManifest(t *testing.T, repository, reference string, manifest content) {
	t.Helper()
	header := map[string][]string{"Content-Type": {manifest.MediaType}}
	if _, _, err := c.do(t.Context(), 201, "PUT", "/v2/"+repository+"/manifests/"+reference, header, strings.NewReader(string(manifest.Bytes))); err != nil {
		t.Fatal(err)
	}
}

// TestConsoleScreens: browser/screens.mjs has the screens. CONSOLE_SHOTS names a
// directory for pictures of them (make screenshots).
func TestConsoleScreens(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	digest := furnish(t, s)
	for _, look := range []string{"plain", "narrow", "darkEnglish", "large"} {
		t.Run(look, func(t *testing.T) {
			s.inBrowser(t, "screens.mjs", "LOOK="+look, "DIGEST="+digest, "SHOTS="+os.Getenv("CONSOLE_SHOTS")).prints(t, "screens looked at")
		})
	}
}

// TestConsoleWalk: browser/walk.mjs has the steps.
func TestConsoleWalk(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	s.inBrowser(t, "walk.mjs", docker.env...).prints(t, "walked")
}

// Each payload calls for help in another place; a browser that reads one of them
// as anything but text sets window.hacked.
var payloads = []string{
	`<img src=x onerror="window.hacked=1">`,
	`"><script>window.hacked=2</script>`,
	`'-alert(3)-'`,
	`javascript:window.hacked=4`,
	`{{constructor.constructor('window.hacked=5')()}}`,
	`<svg onload=window.hacked=6>`,
}

// hostileMark is in every payload, so that the test sees whether one is shown.
const hostileMark = "h0stile"

// TestConsoleShowsHostileTextAsText plants payloads wherever somebody else than the
// reader can write.
func TestConsoleShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	client := newRepository(t, s, "app")
	all := hostileMark + strings.Join(payloads, " "+hostileMark+" ")
	labels := map[string]string{}
	var history []any
	for _, p := range payloads {
		labels[hostileMark+p] = hostileMark + p
		history = append(history, map[string]any{"created_by": hostileMark + p, "comment": p, "author": p, "created": time.Now()})
	}
	img := newImage(t, "amd64", 1000)
	img.Config = newContent(ociConfig, marshal(t, map[string]any{
		"architecture": all, "os": all, "author": all, "created": all, "history": history,
		"config": map[string]any{
			"Labels": labels, "Env": []string{"A=" + all}, "Entrypoint": []string{all}, "Cmd": []string{all},
			"User": all, "WorkingDir": all, "ExposedPorts": map[string]any{all: map[string]any{}}, "Volumes": map[string]any{all: map[string]any{}},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{img.Layers[0].Digest}},
	}))
	layer := img.Layers[0].descriptor()
	layer["annotations"] = labels
	img.content = newContent(ociManifest, marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "config": img.Config.descriptor(), "layers": []any{layer}, "annotations": labels,
	}))
	if err := client.push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	referrer := newContent(ociManifest, marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "artifactType": "application/vnd.example." + hostileMark + "+json",
		"config": img.Config.descriptor(), "layers": []any{layer}, "annotations": labels, "subject": img.descriptor(),
	}))
	client.putManifest(t, "app", referrer.Digest, referrer)
	s.aws(t, "ecr", "tag-resource", "--resource-arn", "arn:aws:ecr:us-east-1:123456789012:repository/app", "--tags", "Key=owner,Value="+hostileMark+" a=b:c/d@e").run(t)
	s.aws(t, "iam", "create-role", "--role-name", "hostile", "--description", hostileMark+payloads[0],
		"--assume-role-policy-document", `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"`+hostileMark+`<img src=x onerror=window.hacked=7>"}}}]}`).run(t)
	s.aws(t, "kms", "create-key", "--description", hostileMark+payloads[0]).run(t)
	s.aws(t, "ecr", "set-repository-policy", "--repository-name", "app", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Sid":"`+hostileMark+`<svg onload=window.hacked=8>","Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`).run(t)

	image := "/repositories/app?image=" + img.Digest
	pages, err := json.Marshal([]string{
		"/dashboard", "/repositories", "/repositories/app", image, image + "&view=configuration", image + "&view=annotations", image + "&view=manifest",
		"/repositories/app?image=" + referrer.Digest, "/repositories/app?tab=tags", "/repositories/app?tag=v1", "/repositories/app?tab=permissions",
		"/repositories/app?tab=activity", "/activity", "/storage", "/users", "/roles", "/roles/hostile", "/policies", "/kms", "/registry-policy",
		`/repositories/app?tag=` + `%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D9%3E`, `/repositories/%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D10%3E`,
		`/repositories?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D11%3E`,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.inBrowser(t, "hostile.mjs", "PAGES="+string(pages), "MARK="+hostileMark).prints(t, "hostile texts shown as text")
}
