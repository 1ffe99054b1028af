package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// An awsCLI is an AWS CLI of this machine.
type awsCLI struct {
	path    string
	version string // as it prints it
	// endpoint: it reads endpoint_url from the configuration (1.29, 2.13).
	endpoint bool
	// exclusions: it knows exclusion filters of tag mutability (released 2025-07-22).
	exclusions bool
}

// findAWS returns the first AWS CLI on PATH that knows all we ask of it, or
// else the first.
var findAWS = sync.OnceValues(func() (awsCLI, error) {
	var first *awsCLI
	for _, directory := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(directory, "aws")
		if _, err := exec.LookPath(path); err != nil {
			continue
		}
		version, err := exec.Command(path, "--version").CombinedOutput()
		if err != nil {
			continue // a launcher without its program
		}
		cli := awsCLI{path: path, version: strings.TrimSpace(string(version)), endpoint: readsEndpoint(string(version))}
		skeleton, err := exec.Command(path, "ecr", "create-repository", "--generate-cli-skeleton").Output()
		cli.exclusions = err == nil && strings.Contains(string(skeleton), "imageTagMutabilityExclusionFilters")
		if cli.endpoint && cli.exclusions {
			return cli, nil
		}
		if first == nil {
			first = &cli
		}
	}
	if first == nil {
		return awsCLI{}, exec.ErrNotFound
	}
	return *first, nil
})

var awsVersion = regexp.MustCompile(`^aws-cli/(\d+)\.(\d+)\.`)

func readsEndpoint(version string) bool {
	match := awsVersion.FindStringSubmatch(version)
	if match == nil {
		return false
	}
	major, _ := strconv.Atoi(match[1])
	minor, _ := strconv.Atoi(match[2])
	return major > 2 || major == 2 && minor >= 13 || major == 1 && minor >= 29
}

func TestWhichCLIReadsTheEndpoint(t *testing.T) {
	for version, want := range map[string]bool{
		"aws-cli/1.28.9 Python/3.11.2":                           false,
		"aws-cli/1.29.0 Python/3.11.2":                           true,
		"aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0 source/x86_64": false,
		"aws-cli/2.13.0 Python/3.11.4 Linux/6.1.0 exe/x86_64":    true,
		"aws-cli/2.31.22 Python/3.13.7 Linux/6.1.0 exe/x86_64":   true,
		"something else": false,
	} {
		if got := readsEndpoint(version); got != want {
			t.Errorf("%s: %t, want %t", version, got, want)
		}
	}
}

func needAWS(t *testing.T) awsCLI {
	t.Helper()
	cli, err := findAWS()
	need(t, err == nil, "the AWS CLI (Debian: apt-get install awscli)")
	return cli
}

// aws is a command of the AWS CLI against the server. Its output is JSON.
func (s *server) aws(t *testing.T, args ...string) command {
	t.Helper()
	cli := needAWS(t)
	all := append([]string{cli.path}, args...)
	if !cli.endpoint && !s.secure {
		all = append(all, "--endpoint-url", s.url())
	}
	return command{args: all, env: s.awsEnvironment()}
}

// decode parses a command's JSON output.
func decode[T any](t *testing.T, output string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(output), &value); err != nil {
		t.Fatalf("decode %q: %v", output, err)
	}
	return value
}

func TestCLIManagesRepositories(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	type repositories struct {
		Repositories []struct{ RepositoryName, RepositoryURI, ImageTagMutability string }
	}
	s.aws(t, "ecr", "create-repository", "--repository-name", "team/app", "--image-tag-mutability", "IMMUTABLE").run(t)
	got := decode[repositories](t, s.aws(t, "ecr", "describe-repositories").run(t))
	if len(got.Repositories) != 1 || got.Repositories[0].RepositoryURI != s.address+"/team/app" || got.Repositories[0].ImageTagMutability != "IMMUTABLE" {
		t.Errorf("describe-repositories: %+v", got)
	}
	text := s.aws(t, "ecr", "describe-images", "--repository-name", "none").fail(t)
	want := "An error occurred (RepositoryNotFoundException) when calling the DescribeImages operation: " +
		"The repository with name 'none' does not exist in the registry with id '123456789012'"
	if !strings.Contains(text, want) {
		t.Errorf("describe-images of a missing repository says\n%s\nwant\n%s", text, want)
	}
	s.aws(t, "ecr", "delete-repository", "--repository-name", "team/app").run(t)
}

func TestCLISetsExclusionFilters(t *testing.T) {
	cli := needAWS(t)
	if !cli.exclusions {
		t.Skipf("%s at %s does not know --image-tag-mutability-exclusion-filters; "+
			"wanted: one released after 2025-07-22, such as 1.42 or 2.28 (TestSDKTagMutability proves the same through the SDK)", cli.version, cli.path)
	}
	s := startServer(t)
	createRepository(t, s, "app")
	s.aws(t, "ecr", "put-image-tag-mutability", "--repository-name", "app", "--image-tag-mutability", "IMMUTABLE_WITH_EXCLUSION",
		"--image-tag-mutability-exclusion-filters", "filterType=WILDCARD,filter=dev-*", "filterType=WILDCARD,filter=latest").run(t)
	type repositories struct {
		Repositories []struct {
			ImageTagMutability                 string
			ImageTagMutabilityExclusionFilters []struct{ FilterType, Filter string }
		}
	}
	got := decode[repositories](t, s.aws(t, "ecr", "describe-repositories", "--repository-names", "app").run(t))
	want := "[{IMMUTABLE_WITH_EXCLUSION [{WILDCARD dev-*} {WILDCARD latest}]}]"
	if fmt.Sprint(got.Repositories) != want {
		t.Errorf("describe-repositories: %v, want %v", got.Repositories, want)
	}
}

func TestCLIPagesByItself(t *testing.T) {
	s := startServer(t)
	for _, name := range []string{"aa", "bb", "cc"} {
		createRepository(t, s, name)
	}
	names := s.aws(t, "ecr", "describe-repositories", "--page-size", "1", "--query", "repositories[].repositoryName", "--output", "text").run(t)
	if got := strings.Join(strings.Fields(names), " "); got != "aa bb cc" {
		t.Errorf("describe-repositories page by page: %q, want aa bb cc", got)
	}
}
