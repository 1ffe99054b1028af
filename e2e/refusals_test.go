package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// missingRepository is what every client shows of a push to a repository that
// does not exist.
func missingRepository(name string) string {
	return fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", name, account)
}

// immutableTag is what every client shows of another image under a tag that
// may not move.
func immutableTag(repository, tag string) string {
	return fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, repository)
}

// createImmutableRepository creates a repository whose tags may not move.
func createImmutableRepository(t *testing.T, s *server, name string) {
	t.Helper()
	_, err := ecrClient(t, s).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{
		RepositoryName: &name, ImageTagMutability: types.ImageTagMutabilityImmutable,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// says fails the test unless the command fails with the text.
func (c command) says(t *testing.T, want string) {
	t.Helper()
	if got := c.fail(t); !strings.Contains(got, want) {
		t.Errorf("%s says\n%s\nwant\n%s", c, got, want)
	}
}

// prints fails the test unless the command succeeds and prints the text.
func (c command) prints(t *testing.T, want string) {
	t.Helper()
	if got := c.runAll(t); !strings.Contains(got, want) {
		t.Errorf("%s: printed\n%s\nwant\n%s", c, got, want)
	}
}

// runAll is run, with what the command printed on standard error too.
func (c command) runAll(t *testing.T) string {
	t.Helper()
	out, errors, err := c.output(t)
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, out, errors)
	}
	return out + errors
}

// input is the command with what it reads.
func (c command) input(text string) command {
	c.stdin = text
	return c
}
