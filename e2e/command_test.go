package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// commandLimit is how long a client may take that has no limit of its own.
const commandLimit = 2 * time.Minute

// A command is a client to run.
type command struct {
	args  []string
	env   []string // on top of the tests' own
	stdin string
	limit time.Duration
}

// run runs the command, which must succeed, and returns what it printed.
func (c command) run(t *testing.T) string {
	t.Helper()
	out, errors, err := c.output(t)
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, out, errors)
	}
	return out
}

// fail runs the command, which must fail, and returns what it printed and said
// of its errors.
func (c command) fail(t *testing.T) string {
	t.Helper()
	out, errors, err := c.output(t)
	if err == nil {
		t.Fatalf("%s: succeeded, want a failure\n%s%s", c, out, errors)
	}
	return out + errors
}

func (c command) output(t *testing.T) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(c.limit, commandLimit))
	defer cancel()
	var out, errors bytes.Buffer
	run := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	run.Env = append(os.Environ(), c.env...)
	run.Stdin = strings.NewReader(c.stdin)
	run.Stdout, run.Stderr = &out, &errors
	err = run.Run()
	return out.String(), errors.String(), err
}

func (c command) String() string { return strings.Join(c.args, " ") }

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
