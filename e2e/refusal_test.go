package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serveAndFail runs a server that must not start, and returns what it says.
func serveAndFail(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, binary(t), append([]string{"serve"}, args...)...)
	command.Dir = t.TempDir()
	output, err := command.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("nifuda serve %s: %v, want it to fail\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

func TestServerRefusesWhatItCannotDo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--blobs", "s3://bucket/prefix?endpont=http://127.0.0.1:1"}, "--blobs: s3: unknown parameter \"endpont\""},
		{[]string{"--blobs", "s3://bucket/prefix"}, "--blobs: there are no credentials for the bucket"},
		{[]string{"--role", "worker"}, "--role: "},
		{[]string{"--role", "api"}, "--role: "},
		{[]string{"--database", "mysql://localhost"}, "--database: must begin with sqlite:, postgres:// or postgresql://"},
		{[]string{"--database", "sqlite::memory:"}, "--database: sqlite: needs a file"},
		{[]string{"--account", "12"}, "--account: "},
		{[]string{"--region", "mars"}, "--region: "},
		{[]string{"--tls-cert", "cert.pem"}, "--tls-"},
		{[]string{"--no-such-flag"}, "unknown flag --no-such-flag"},
	} {
		if got := serveAndFail(t, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q", strings.Join(c.args, " "), got, c.want)
		}
	}
}

// TestSecondServerLeavesTheFirstAlone: neither the data nor what tells clients
// where the server is.
func TestSecondServerLeavesTheFirstAlone(t *testing.T) {
	s := startServer(t)
	config := filepath.Join(s.data(), "aws", "config")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	free := []string{"--listen", freeAddress(t), "--admin-listen", "off"}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"the same data", append(free, "--data", s.data()), "is in use by another nifuda"},
		{"the same blobs", append(free, "--data", t.TempDir(), "--blobs", "file:"+filepath.Join(s.data(), "blobs")), "is in use by another nifuda"},
		{"the same port", []string{"--listen", s.listen, "--admin-listen", "off", "--data", t.TempDir()}, "--listen: "},
		{"the same admin port", []string{"--listen", freeAddress(t), "--admin-listen", s.admin, "--data", t.TempDir()}, "--admin-listen: "},
	} {
		if got := serveAndFail(t, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q", c.name, got, c.want)
		}
	}
	after, err := os.ReadFile(config)
	if err != nil || string(after) != string(before) {
		t.Errorf("aws/config changed to %q, %v", after, err)
	}
}

// TestFullDiskIsCalledThat: pushes that do not fit are refused in words, and
// what was acknowledged stays.
func TestFullDiskIsCalledThat(t *testing.T) {
	needRoot(t, "a file system of its own")
	disk := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, output)
	}
	t.Cleanup(func() {
		if output, err := exec.Command("umount", "--lazy", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, output)
		}
	})
	s := startServer(t, "--blobs", "file:"+filepath.Join(disk, "blobs"), "--disk-reserve", "1MiB")
	createRepository(t, s, "app")
	client := newRegistryClient(t, s)
	small := newImage(t, "amd64", 100<<10)
	if err := client.push(t.Context(), "app", "small", small); err != nil {
		t.Fatal(err)
	}
	large := newImage(t, "amd64", 20<<20)
	err := client.push(t.Context(), "app", "large", large)
	if err == nil || !strings.Contains(err.Error(), "The registry has no space left") || !strings.Contains(err.Error(), "status 507") {
		t.Errorf("a push that does not fit: %v", err)
	}
	if err := client.verify(t.Context(), "app", "small", small); err != nil {
		t.Errorf("what was pushed before: %v", err)
	}
	if err := client.push(t.Context(), "app", "small-again", newImage(t, "amd64", 100<<10)); err != nil {
		t.Errorf("a push that fits afterwards: %v", err)
	}
}
