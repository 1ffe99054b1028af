package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// startFilled starts a server with as many images in the repository app and as many
// other repositories as are asked for.
func startFilled(t *testing.T, images, repositories int) *server {
	t.Helper()
	s := newServer(t, t.TempDir())
	database := filepath.Join(s.directory, "filled.db")
	s.args = append(s.args, "--database", "sqlite:"+database)
	fill := exec.CommandContext(t.Context(), "go", "run", "./internal/store/storetest/fill", "-database", "sqlite:"+database,
		"-images", strconv.Itoa(images), "-repositories", strconv.Itoa(repositories))
	fill.Dir = ".."
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", fill, err, out)
	}
	s.start()
	return s
}

// TestConsoleAmongMany: browser/many.mjs says what is compared. The times that it
// prints are those of a machine that does much else.
func TestConsoleAmongMany(t *testing.T) {
	needBrowser(t)
	few, many := startFilled(t, 200, 100), startFilled(t, 100_000, 10_000)
	run := many.inBrowser(t, "many.mjs", "SMALL="+few.url(), "SMALL_ID="+accessKey(t, few), "SMALL_SECRET="+secretKey(t, few))
	t.Log(run.run(t))
}
