package e2e_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// signIn does what the server tells everyone to do at its first start:
// aws ecr get-login-password | docker login.
func (c dockerClient) signIn(t *testing.T, s *server) {
	t.Helper()
	login := c.docker("login", "--username", "AWS", "--password-stdin", s.address)
	login.stdin = s.aws(t, "ecr", "get-login-password").run(t)
	if out := login.run(t); !strings.Contains(out, "Login Succeeded") {
		t.Fatalf("docker login: %s", out)
	}
}

var pushedDigest = regexp.MustCompile(`digest: (sha256:[0-9a-f]{64})`)

// push pushes an image and returns its digest as docker tells it.
func (c dockerClient) push(t *testing.T, name string) (digest string) {
	t.Helper()
	out := c.docker("push", name).run(t)
	match := pushedDigest.FindStringSubmatch(out)
	if match == nil {
		t.Fatalf("docker push tells no digest:\n%s", out)
	}
	return match[1]
}

func TestDockerPushesAndPulls(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	s.aws(t, "ecr", "create-repository", "--repository-name", "team/app").run(t)
	name := s.address + "/team/app:v1"
	docker.build(t, name)
	built := docker.docker("image", "inspect", "--format", "{{.Id}}", name).run(t)

	pushed := docker.push(t, name)
	described := s.aws(t, "ecr", "describe-images", "--repository-name", "team/app",
		"--query", "imageDetails[].[imageDigest,imageTags[0]]", "--output", "text").run(t)
	if got, want := strings.Fields(described), []string{pushed, "v1"}; !slices.Equal(got, want) {
		t.Errorf("describe-images: %q, docker pushed %q", got, want)
	}

	docker.docker("image", "rm", name).run(t)
	docker.docker("image", "inspect", name).fail(t)
	if out := docker.docker("pull", name).run(t); !strings.Contains(out, pushed) {
		t.Errorf("docker pull does not show the digest %s:\n%s", pushed, out)
	}
	if pulled := docker.docker("image", "inspect", "--format", "{{.Id}}", name).run(t); pulled != built {
		t.Errorf("pulled the image %s, built was %s", pulled, built)
	}
	docker.docker("pull", s.address+"/team/app@"+pushed).run(t)
}

func TestDockerRepeatsItself(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	createRepository(t, s, "other")
	name := s.address + "/app:v1"
	docker.build(t, name)

	first := docker.push(t, name)
	if out := docker.docker("push", name).run(t); !strings.Contains(out, "Layer already exists") {
		t.Errorf("a second push sends layers again:\n%s", out)
	}
	docker.docker("tag", name, s.address+"/other:v1").run(t)
	if second := docker.push(t, s.address+"/other:v1"); second != first {
		t.Errorf("the same image has the digest %s in another repository, %s in the first", second, first)
	}
}

func TestDockerPushToMissingRepository(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	name := s.address + "/missing:v1"
	docker.build(t, name)
	text := docker.docker("push", name).fail(t)
	want := "name unknown: The repository with name 'missing' does not exist in the registry with id '123456789012'"
	if !strings.Contains(text, want) {
		t.Errorf("docker push says\n%s\nwant\n%s", text, want)
	}
}

func TestDockerPushToImmutableTag(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	s.aws(t, "ecr", "create-repository", "--repository-name", "immutable-repo", "--image-tag-mutability", "IMMUTABLE").run(t)
	name := s.address + "/immutable-repo:latest"
	docker.build(t, name)
	first := docker.push(t, name)
	if again := docker.push(t, name); again != first {
		t.Errorf("pushing the identical image again gave %s, before %s", again, first)
	}

	docker.build(t, name) // another image of the same name
	text := docker.docker("push", name).fail(t)
	want := "tag invalid: The image tag 'latest' already exists in the 'immutable-repo' repository and cannot be overwritten because the tag is immutable."
	if !slices.Contains(strings.Split(strings.TrimSpace(text), "\n"), want) {
		t.Errorf("docker push says\n%s\nwant\n%s", text, want)
	}
	if got := describeTag(t, s, "immutable-repo", "latest"); got != first {
		t.Errorf("the immutable tag moved from %s to %s", first, got)
	}
}

func TestDockerPullsWhatTheAPIRetagged(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	docker.build(t, s.address+"/app:v1")
	pushed := docker.push(t, s.address+"/app:v1")

	// As AWS's guide does it: read the manifest, put it under another tag.
	manifest := s.aws(t, "ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=v1",
		"--query", "images[].imageManifest", "--output", "text").run(t)
	s.aws(t, "ecr", "put-image", "--repository-name", "app", "--image-tag", "v2", "--image-manifest", strings.TrimSuffix(manifest, "\n")).run(t)
	if out := docker.docker("pull", s.address+"/app:v2").run(t); !strings.Contains(out, pushed) {
		t.Errorf("docker pull of the new tag does not show the digest %s:\n%s", pushed, out)
	}
}

func TestDockerPullOfDeletedImage(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	name := s.address + "/app:v1"
	docker.build(t, name)
	docker.push(t, name)
	docker.docker("image", "rm", name).run(t)
	s.aws(t, "ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageTag=v1").run(t)
	text := docker.docker("pull", name).fail(t)
	if !strings.Contains(text, "manifest unknown: Requested image not found") {
		t.Errorf("docker pull of a deleted image says\n%s\nwant manifest unknown: Requested image not found", text)
	}
}

func TestDockerIsRefusedWithoutSigningIn(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	createRepository(t, s, "app")
	name := s.address + "/app:v1"
	docker.build(t, name)
	text := docker.docker("push", name).fail(t)
	if !strings.Contains(text, "no basic auth credentials") {
		t.Errorf("docker push without signing in says\n%s\nwant no basic auth credentials", text)
	}
	login := docker.docker("login", "--username", "AWS", "--password-stdin", s.address)
	login.stdin = "not a token"
	login.fail(t)
}

func TestDockerPullsAfterARestart(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, args ...string) {
		docker := newDockerClient(t)
		s := startServer(t, args...)
		docker.signIn(t, s)
		createRepository(t, s, "app")
		name := s.address + "/app:v1"
		docker.build(t, name)
		docker.push(t, name)
		docker.docker("image", "rm", name).run(t)
		s.stop()
		s.start()
		docker.docker("pull", name).run(t) // with the token of before
	})
}

// TestDockerManifestPushesAnIndex: one name for two architectures, made of what
// was pushed before.
func TestDockerManifestPushesAnIndex(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	createImmutableRepository(t, s, "fixed")
	digests := map[string]string{}
	for _, architecture := range []string{"amd64", "arm64"} {
		name := s.address + "/app:" + architecture
		docker.build(t, name)
		digests[architecture] = docker.push(t, name)
	}
	manifest := func(name string, args ...string) command {
		return docker.docker(slices.Concat([]string{"manifest", name}, args)...)
	}
	// The insecure registry is the one without TLS.
	both := s.address + "/app:both"
	manifest("create", slices.Concat(s.plain("--insecure"), []string{both, s.address + "/app:amd64", s.address + "/app:arm64"})...).run(t)
	manifest("annotate", both, s.address+"/app:arm64", "--os", "linux", "--arch", "arm64").run(t)
	pushed := strings.TrimSpace(manifest("push", append(s.plain("--insecure"), both)...).run(t))
	if got := describeTag(t, s, "app", "both"); !strings.HasSuffix(pushed, got) {
		t.Errorf("docker manifest push printed %s, the tag has %s", pushed, got)
	}
	inspected := manifest("inspect", append(s.plain("--insecure"), both)...).run(t)
	for architecture, digest := range digests {
		if !strings.Contains(inspected, digest) || !strings.Contains(inspected, `"architecture": "`+architecture+`"`) {
			t.Errorf("docker manifest inspect shows no %s with %s:\n%s", architecture, digest, inspected)
		}
	}
	docker.docker("pull", "--platform", "linux/amd64", both).prints(t, describeTag(t, s, "app", "both"))

	// Another index under a tag that may not move.
	for _, architecture := range []string{"amd64", "arm64"} {
		name := s.address + "/fixed:" + architecture
		docker.docker("tag", s.address+"/app:"+architecture, name).run(t)
		docker.push(t, name)
	}
	fixed := s.address + "/fixed:amd64"
	manifest("create", slices.Concat(s.plain("--insecure"), []string{fixed, s.address + "/fixed:arm64"})...).run(t)
	manifest("push", append(s.plain("--insecure"), fixed)...).says(t, immutableTag("fixed", "amd64"))
}

// mediaType returns the media type of the manifest with the tag.
func mediaType(t *testing.T, s *server, repository, tag string) string {
	t.Helper()
	out, err := ecrClient(t, s).DescribeImages(t.Context(), &ecr.DescribeImagesInput{
		RepositoryName: &repository, ImageIds: []types.ImageIdentifier{tagged(tag)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.ImageDetails[0].ImageManifestMediaType)
}

// describeTag returns the digest of the image with the tag.
func describeTag(t *testing.T, s *server, repository, tag string) string {
	t.Helper()
	out, err := ecrClient(t, s).DescribeImages(t.Context(), &ecr.DescribeImagesInput{
		RepositoryName: &repository, ImageIds: []types.ImageIdentifier{tagged(tag)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.ImageDetails[0].ImageDigest)
}
