package e2e_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSystemdUnitIsSoundAndConfined has systemd check the unit: that it knows each
// setting, and that little is left to a server that was taken over.
func TestSystemdUnitIsSoundAndConfined(t *testing.T) {
	needProgram(t, "systemd-analyze", "systemd")
	const installed = "ExecStart=/usr/local/bin/nifuda "
	text := string(readFile(t, filepath.Join("..", "deploy", "systemd", "nifuda.service")))
	if !strings.Contains(text, installed) {
		t.Fatalf("the unit has no %s", installed)
	}
	unit := filepath.Join(t.TempDir(), "nifuda.service")
	text = strings.Replace(text, installed, "ExecStart="+binary(t)+" ", 1)
	writeFile(t, unit, []byte(text))

	verify := command{args: []string{"systemd-analyze", "verify", unit}}
	for _, addition := range append(unitAdditions(t), "") { // without any in the end
		writeFile(t, unit, []byte(text+addition))
		if out := verify.runAll(t); strings.TrimSpace(out) != "" {
			t.Errorf("with %q systemd says\n%s", addition, out)
		}
	}
	// From 0 for confined in every way to 100 for not at all; the network is needed.
	command{args: []string{"systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", unit}}.run(t)
}

// unitAdditions are the lines that the page on deploying adds to the unit.
func unitAdditions(t *testing.T) (additions []string) {
	t.Helper()
	page := readFile(t, filepath.Join("..", "docs", "deploying.md"))
	for _, block := range regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllSubmatch(page, -1) {
		additions = append(additions, string(block[1]))
	}
	if len(additions) == 0 {
		t.Fatal("the page on deploying adds nothing to the unit")
	}
	return additions
}
