package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// testCredentialHelperSignsIn: docker, podman and crane ask
// docker-credential-ecr-login, which asks the API, and nobody signs in.
func testCredentialHelperSignsIn(t *testing.T) {
	docker := newDockerClient(t)
	needClient(t, "docker-credential-ecr-login")
	s := startServer(t)
	createRepository(t, s, "app")
	home := t.TempDir()
	configuration := filepath.Join(home, ".docker")
	if err := os.Mkdir(configuration, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(configuration, "config.json"), []byte(`{"credHelpers":{"`+s.address+`":"ecr-login"}}`))
	environment := append(s.awsEnvironment(), "HOME="+home, "DOCKER_CONFIG="+configuration, "REGISTRY_AUTH_FILE="+filepath.Join(configuration, "config.json"))
	docker.env = append(docker.env, environment...)

	name := s.address + "/app:v1"
	docker.build(t, name)
	digest := docker.push(t, name)
	docker.docker("pull", name).run(t)
	needClient(t, "crane")
	command{args: []string{"crane", "digest", name}, env: environment}.prints(t, digest)
	podman := newPodmanClient(t, "podman")
	podman.env = environment
	podman.on(s, "pull", name).run(t)
	command{args: []string{"docker-credential-ecr-login", "list"}, env: environment}.prints(t, s.address)

	stranger := append(slices.Clone(environment), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "none"), "AWS_PROFILE=",
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wrong", "AWS_ECR_DISABLE_CACHE=true")
	command{args: []string{"docker-credential-ecr-login", "get"}, env: stranger, stdin: s.address}.fail(t)
	log, err := os.ReadFile(filepath.Join(home, ".ecr", "log", "ecr-login.log"))
	if err != nil || !strings.Contains(string(log), "UnrecognizedClientException") {
		t.Errorf("the helper's log (%v):\n%s\nwant UnrecognizedClientException", err, log)
	}
}

// testCredentialProviderSignsIn: the kubelet asks ecr-credential-provider for
// what pulls an image.
func testCredentialProviderSignsIn(t *testing.T) {
	needClient(t, "ecr-credential-provider")
	s := startServer(t)
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000)
	if err := newRegistryClient(t, s).push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	provider := command{args: []string{"ecr-credential-provider", "get-credentials"}, env: s.awsEnvironment(), stdin: `{
		"kind": "CredentialProviderRequest", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
		"image": "` + s.address + `/app:v1"}`}
	var response struct {
		Kind, CacheKeyType, CacheDuration string
		Auth                              map[string]struct{ Username, Password string }
	}
	if err := json.Unmarshal([]byte(provider.run(t)), &response); err != nil {
		t.Fatal(err)
	}
	credentials, ok := response.Auth[s.address]
	if !ok || response.Kind != "CredentialProviderResponse" || credentials.Username != "AWS" {
		t.Fatalf("ecr-credential-provider: %+v, want a password for %s", response, s.address)
	}
	if cached, err := time.ParseDuration(response.CacheDuration); err != nil || cached <= 0 {
		t.Errorf("the kubelet keeps the password for %q, %v", response.CacheDuration, err)
	}
	kubelet := registryClient{base: s.url(), password: credentials.Password}
	if err := kubelet.verify(t.Context(), "app", "v1", img); err != nil {
		t.Errorf("pull with the provider's password: %v", err)
	}
}

// testTutorial is AWS's "Getting started with Amazon ECR", as it is written.
func testTutorial(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	cli := needAWS(t)
	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\n"))
	script := `set -euo pipefail
docker build -t hello-world .
aws ecr get-login-password --region ` + awsRegion + ` | docker login --username AWS --password-stdin ` + awsRegistry + `
aws ecr create-repository \
    --repository-name hello-repository \
    --region ` + awsRegion + `
docker tag hello-world:latest ` + awsRegistry + `/hello-repository
docker push ` + awsRegistry + `/hello-repository
docker pull ` + awsRegistry + `/hello-repository:latest
aws ecr batch-delete-image \
      --repository-name hello-repository \
      --image-ids imageTag=latest \
      --region ` + awsRegion + `
aws ecr delete-repository \
      --repository-name hello-repository \
      --force \
      --region ` + awsRegion + `
`
	env := slices.Concat(s.awsEnvironment(), docker.env, []string{"PATH=" + filepath.Dir(cli.path) + ":" + os.Getenv("PATH")})
	printed := command{args: []string{"env", "-C", directory, "bash", "-c", script}, env: env}.run(t)
	for _, want := range []string{
		"Login Succeeded", `"repositoryUri": "` + awsRegistry + `/hello-repository"`,
		`"repositoryArn": "arn:aws:ecr:` + awsRegion + ":" + account + `:repository/hello-repository"`,
		"latest: digest: sha256:", `"failures": []`,
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("the tutorial prints no %s:\n%s", want, printed)
		}
	}
}
