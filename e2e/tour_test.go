package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tourLimit is how long the whole tour may take.
const tourLimit = 8 * time.Minute

// A tourStep is a block of commands of a page's tour and what they print.
type tourStep struct {
	Commands string   // of a ```sh block
	Expected []string // the non-empty lines of the ```text block after it, if any
}

// parseTour returns the steps between the tour's marks in README. Blocks in
// other languages are for the reader alone.
func parseTour(readme string) ([]tourStep, error) {
	_, rest, begun := strings.Cut(readme, "<!-- tour:begin -->")
	tour, _, ended := strings.Cut(rest, "<!-- tour:end -->")
	if !begun || !ended {
		return nil, errors.New("no <!-- tour:begin --> … <!-- tour:end -->")
	}
	var steps []tourStep
	language, inside := "", false
	for line := range strings.Lines(tour) {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && inside:
			inside = false
		case isFence:
			language, inside = fence, true
			if language == "sh" {
				steps = append(steps, tourStep{})
			}
			if language == "text" && len(steps) == 0 {
				return nil, errors.New("the tour shows output before any command")
			}
		case inside && language == "sh":
			steps[len(steps)-1].Commands += line
		case inside && language == "text":
			if text := strings.TrimSpace(line); text != "" {
				last := &steps[len(steps)-1]
				last.Expected = append(last.Expected, text)
			}
		}
	}
	if inside {
		return nil, errors.New("a block of the tour does not end")
	}
	if len(steps) == 0 {
		return nil, errors.New("the tour has no commands")
	}
	return steps, nil
}

// missingLines returns the expected lines that no line of the output contains.
// An ellipsis, … or ..., stands for any text.
func missingLines(output string, expected []string) []string {
	var missing []string
	for _, line := range expected {
		line = strings.ReplaceAll(line, "...", "…")
		var pattern []string
		for part := range strings.SplitSeq(line, "…") {
			pattern = append(pattern, regexp.QuoteMeta(part))
		}
		if !regexp.MustCompile(strings.Join(pattern, ".*")).MatchString(output) {
			missing = append(missing, line)
		}
	}
	return missing
}

// tourScript makes one shell script of the steps, which prints a mark after
// each one's output.
func tourScript(steps []tourStep, mark string) string {
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, step := range steps {
		fmt.Fprintf(&script, "%s\nprintf '%%s\\n' '%s'\n", step.Commands, mark)
	}
	return script.String()
}

// TestREADMETourWorksAsWritten follows README's tour.
func TestREADMETourWorksAsWritten(t *testing.T) {
	s := startServer(t)
	steps := readTour(t, s, "../README.md")
	if cli := needAWS(t); !cli.exclusions {
		var left int
		steps, left = withoutExclusions(steps)
		t.Logf("%s at %s knows no exclusion filters, so the last %d steps of the tour are left out; "+
			"wanted: 1.41.11 or 2.27.57, or later (TestSDKTagMutability proves them through the SDK)", cli.version, cli.path, left)
	}
	follow(t, s, steps)
}

// TestAccessPageWorksAsWritten follows the ten wishes of docs/access.md.
func TestAccessPageWorksAsWritten(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	follow(t, s, readTour(t, s, "../docs/access.md"))
}

// readTour reads the tour of a page, in which only the address is the server's own.
func readTour(t *testing.T, s *server, page string) []tourStep {
	t.Helper()
	steps, err := parseTour(strings.NewReplacer(
		"localhost:5050", s.address,
		"127.0.0.1:5050", s.listen,
	).Replace(string(readFile(t, page))))
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// follow follows a tour literally: one shell runs all commands in order, in a
// directory whose data/ is the server's.
func follow(t *testing.T, s *server, steps []tourStep) {
	t.Helper()
	docker := newDockerClient(t)
	mark := "=== end of a step ==="
	ctx, cancel := context.WithTimeout(t.Context(), tourLimit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", tourScript(steps, mark))
	shell.Dir = s.directory
	shell.Env = append(os.Environ(), s.awsEnvironment()...)
	shell.Env = append(shell.Env, docker.env...)
	shell.Env = append(shell.Env, "PATH="+strings.Join([]string{awsDirectory(t, s), nifudaDirectory(t), os.Getenv("PATH")}, string(os.PathListSeparator)))
	var output bytes.Buffer
	shell.Stdout, shell.Stderr = &output, &output
	failure := shell.Run()

	outputs := strings.Split(output.String(), mark)
	for i, step := range steps {
		if i >= len(outputs)-1 {
			t.Fatalf("the tour ends at step %d: %v\n%s\nprinted\n%s", i+1, failure, step.Commands, outputs[len(outputs)-1])
		}
		for _, line := range missingLines(outputs[i], step.Expected) {
			t.Errorf("step %d\n%s\nlacks the line\n%s\nprinted\n%s", i+1, step.Commands, line, outputs[i])
		}
	}
	if failure != nil {
		t.Errorf("the tour fails at its end: %v", failure)
	}
}

// nifudaDirectory returns a directory whose nifuda is the one under test.
func nifudaDirectory(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.Symlink(binary(t), filepath.Join(directory, "nifuda")); err != nil {
		t.Fatal(err)
	}
	return directory
}

// withoutExclusions returns the steps before the first one with an exclusion
// filter, without the output that a CLI of before them does not print, and how
// many steps it left out.
func withoutExclusions(steps []tourStep) (before []tourStep, left int) {
	for i, step := range steps {
		if strings.Contains(step.Commands, "exclusion-filters") {
			return before, len(steps) - i
		}
		step.Expected = slices.DeleteFunc(slices.Clone(step.Expected), func(line string) bool {
			return strings.Contains(line, `"imageStatus"`)
		})
		before = append(before, step)
	}
	return before, 0
}

// awsDirectory returns a directory whose aws is the CLI that the tests use, told
// the server's address if it cannot read that from its configuration.
func awsDirectory(t *testing.T, s *server) string {
	t.Helper()
	cli := needAWS(t)
	endpoint := ""
	if !cli.endpoint {
		endpoint = " --endpoint-url " + s.url()
	}
	directory := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"%s\n", cli.path, endpoint)
	if err := os.WriteFile(filepath.Join(directory, "aws"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestParseTour(t *testing.T) {
	readme := strings.Join([]string{
		"# Title", "```sh", "not of the tour", "```",
		"<!-- tour:begin -->", "Do this:", "```sh", "one", "two", "```", "It prints", "```text", "1", "", "  2 …", "```",
		"```sh", "three", "```", "```json", "{}", "```", "<!-- tour:end -->",
		"```sh", "nor this", "```",
	}, "\n")
	got, err := parseTour(readme)
	if err != nil {
		t.Fatal(err)
	}
	want := []tourStep{{Commands: "one\ntwo\n", Expected: []string{"1", "2 …"}}, {Commands: "three\n"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parseTour (-want +got):\n%s", diff)
	}
}

func TestParseTourRefuses(t *testing.T) {
	for name, readme := range map[string]string{
		"no tour":             "# Title",
		"no end":              "<!-- tour:begin -->\n```sh\nx\n```\n",
		"no commands":         "<!-- tour:begin -->\n<!-- tour:end -->",
		"output first":        "<!-- tour:begin -->\n```text\nx\n```\n<!-- tour:end -->",
		"a block without end": "<!-- tour:begin -->\n```sh\nx\n<!-- tour:end -->",
	} {
		if steps, err := parseTour(readme); err == nil {
			t.Errorf("%s: parsed as %+v, want an error", name, steps)
		}
	}
}

func TestMissingLines(t *testing.T) {
	output := "{\n    \"name\": \"app\",\n    \"digest\": \"sha256:12ab\"\n}\n"
	for _, test := range []struct {
		expected string
		missing  bool
	}{
		{`"name": "app",`, false},
		{`"digest": "sha256:…"`, false},
		{`"digest": "sha256:..."`, false},
		{`"name": "other",`, true},
		{`"name": …}`, true}, // an ellipsis stays on its line
		{`"digest": "sha256.12ab"`, true},
	} {
		if got := len(missingLines(output, []string{test.expected})) > 0; got != test.missing {
			t.Errorf("%q missing: %t, want %t", test.expected, got, test.missing)
		}
	}
}

func TestTourRunsInOneShell(t *testing.T) {
	steps := []tourStep{{Commands: "x=1\n"}, {Commands: "echo $x\n"}, {Commands: "false\n"}, {Commands: "echo never\n"}}
	out, err := exec.CommandContext(t.Context(), "bash", "-c", tourScript(steps, "mark")).Output()
	if err == nil {
		t.Error("a failing step does not end the tour")
	}
	if got, want := string(out), "mark\n1\nmark\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
