package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// TestTheCLIOutwaitsThrottling asks for more pages than a burst has, when it is
// used up.
func TestTheCLIOutwaitsThrottling(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	const repositories = 30
	for i := range repositories {
		createRepository(t, s, fmt.Sprintf("app%d", i))
	}
	s.nifuda(t, "quota", "set", "rate-DescribeRepositories", "2").run(t)
	api := ecrClient(t, s)
	await(t, "throttling", func() bool { // a change of a rate holds within a second
		_, err := api.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{}, func(o *ecr.Options) { o.Retryer = aws.NopRetryer{} })
		return err != nil && strings.Contains(err.Error(), "ThrottlingException")
	})
	out := s.aws(t, "ecr", "describe-repositories", "--page-size", "1", "--query", "length(repositories)").run(t)
	if strings.TrimSpace(out) != strconv.Itoa(repositories) {
		t.Errorf("it lists %s repositories of %d", out, repositories)
	}
}

// TestClientsOutwaitThrottling pulls when the rate is used up.
func TestClientsOutwaitThrottling(t *testing.T) {
	t.Parallel()
	crane := newGoClient(t, "crane")
	s := startServer(t)
	client := newRepository(t, s, "app")
	img := newImage(t, "amd64", 1000)
	layout := writeLayout(t, "v1", img.content, img.blobs()...)
	crane.command("auth", "login", s.address, "--username", "AWS", "--password-stdin").input(registryPassword(t, s)).run(t)
	crane.command("push", layout, s.address+"/app:v1").run(t)
	s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("app", "v1")).run(t) // signs in
	s.nifuda(t, "quota", "set", "rate-BatchGetImage", "1").run(t)
	for _, c := range []struct {
		name string
		pull command
	}{
		{"crane", crane.command("manifest", s.address+"/app:v1")},
		{"skopeo", s.skopeo(t, "inspect", "--raw", "--tls-verify=false", s.at("app", "v1"))},
	} {
		client.useUp(t, "app", "v1")
		if got := c.pull.run(t); got != string(img.Bytes) {
			t.Errorf("%s gets another manifest:\n%s", c.name, got)
		}
	}
}

// useUp reads a manifest until that is refused, as it must be before long: a
// change of a rate holds within a second.
func (c registryClient) useUp(t *testing.T, repository, tag string) {
	t.Helper()
	await(t, "429", func() bool {
		for range 20 {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/v2/"+repository+"/manifests/"+tag, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.SetBasicAuth("AWS", c.password)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode == http.StatusTooManyRequests {
				if response.Header.Get("Retry-After") == "" {
					t.Error("429 does not say when to come again")
				}
				return true
			}
		}
		return false
	})
}
