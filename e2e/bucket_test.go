package e2e_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A bucket is one of an S3 server that is not ours.
type bucket struct {
	address string // host:port
	name    string
	log     string // a file
	env     []string
}

// startBucket starts an S3 server, which ends with the test.
func startBucket(t *testing.T) bucket {
	t.Helper()
	needClient(t, "versitygw")
	directory := t.TempDir()
	b := bucket{address: freeAddress(t), name: "backups", log: filepath.Join(directory, "log"), env: []string{
		"AWS_ACCESS_KEY_ID=bucket", "AWS_SECRET_ACCESS_KEY=bucket-secret", "AWS_CONFIG_FILE=" + filepath.Join(directory, "none"),
	}}
	root, sidecar := filepath.Join(directory, "root"), filepath.Join(directory, "sidecar") // not every file system has attributes
	for _, name := range []string{filepath.Join(root, b.name), sidecar} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	server := exec.Command("versitygw", "--port", b.address, "--access", "bucket", "--secret", "bucket-secret", "posix", "--sidecar", sidecar, root)
	server.Dir, server.Stdout, server.Stderr = directory, log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			log := readFile(t, b.log)
			t.Logf("the end of the log of the S3 server:\n%s", log[max(0, len(log)-logShown):])
		}
	})
	await(t, "the S3 server", func() bool {
		connection, err := net.Dial("tcp", b.address)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	return b
}

// target is the bucket as nifuda takes it.
func (b bucket) target() string {
	query := url.Values{"endpoint": {"http://" + b.address}, "region": {"us-east-1"}, "path-style": {"true"}}
	return "s3://" + b.name + "/nifuda?" + query.Encode()
}

// owning gives a command the bucket's credentials, and no others.
func (b bucket) owning(c command) command {
	c.env = b.env
	return c
}

func TestBackupInABucket(t *testing.T) {
	b := startBucket(t)
	s := startServer(t)
	createRepository(t, s, "app")
	docker := newRegistryClient(t, s)
	images := map[string]image{
		"large": newImage(t, "amd64", 40<<20, 100<<10), // in three parts
		"small": newImage(t, "amd64", 200<<10),
	}
	backup := func(args ...string) string {
		t.Helper()
		return b.owning(s.offline(t, append([]string{"backup", b.target()}, args...)...)).run(t)
	}
	for tag, img := range images { // the second backup copies what is new
		if err := docker.push(t.Context(), "app", tag, img); err != nil {
			t.Fatal(err)
		}
		if out := backup(); !strings.Contains(out, fmt.Sprintf("copied: %d blob", len(img.Layers))) {
			t.Errorf("the backup of %s says %s", tag, out)
		}
	}
	if log := string(readFile(t, b.log)); !strings.Contains(log, "partNumber=3") {
		t.Error("no blob was sent in three parts")
	}
	snapshots := regexp.MustCompile(`(?m)^\d{8}T\S+`)
	if list := snapshots.FindAllString(backup("--list"), -1); len(list) != 2 {
		t.Errorf("the snapshots are %q, want two", list)
	}
	if out := backup("--keep", "1"); strings.Count(out, " is removed.") != 2 {
		t.Errorf("the backup that keeps one says %s", out)
	}
	if list := snapshots.FindAllString(backup("--list"), -1); len(list) != 1 {
		t.Errorf("the snapshots are %q, want one", list)
	}

	restored := newServer(t, t.TempDir())
	copyKeys(t, restored, s)
	b.owning(restored.offline(t, "restore", b.target())).prints(t, " 0 damaged.")
	restored.start()
	docker = newRegistryClient(t, restored)
	for tag, img := range images {
		if err := docker.verify(t.Context(), "app", tag, img); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
	b.owning(newServer(t, t.TempDir()).offline(t, "restore", strings.Replace(b.target(), "/nifuda", "/nothing", 1))).says(t, "has no snapshots")
}
