package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// containerdLimit is how long containerd may take to start or to end.
const containerdLimit = time.Minute

// startContainerd starts a containerd of the test's own and returns its socket.
func startContainerd(t *testing.T) (socket string) {
	t.Helper()
	needRoot(t, "containerd")
	needProgram(t, "containerd", "containerd")
	needProgram(t, "ctr", "containerd")
	directory, err := shortDirectory("containerd-")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(directory, "sock")
	configuration := filepath.Join(directory, "config.toml")
	writeFile(t, configuration, fmt.Appendf(nil, `version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = %q
`, filepath.Join(directory, "root"), filepath.Join(directory, "state"), socket))
	log, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	daemon := exec.Command("containerd", "--config", configuration)
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = daemon.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		select {
		case <-exited:
		case <-time.After(containerdLimit):
			_ = daemon.Process.Kill()
			t.Error("containerd does not end")
		}
	})
	if err := awaitContainerd(socket, exited); err != nil {
		t.Fatalf("containerd: %v\n%s", err, readFile(t, log.Name()))
	}
	return socket
}

// awaitContainerd polls the daemon until it answers.
func awaitContainerd(socket string, exited <-chan struct{}) error {
	limit := time.After(containerdLimit)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if exec.Command("ctr", "--address", socket, "version").Run() == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-exited:
			return errors.New("exited")
		case <-limit:
			return errors.New("does not answer")
		}
	}
}

// TestContainerdPushesAndPulls: ctr pushes from containerd's content store. It
// asks for the tag first and sends nothing if that is the image already.
func TestContainerdPushesAndPulls(t *testing.T) {
	t.Parallel()
	socket := startContainerd(t)
	s := startServer(t)
	createRepository(t, s, "app")
	createImmutableRepository(t, s, "fixed")
	ctr := func(args ...string) command {
		return command{args: slices.Concat([]string{"ctr", "--debug", "--address", socket, "images"}, args)}
	}
	as := func(password string) []string { return append(s.plain("--plain-http"), "--user", "AWS:"+password) }
	signedIn := as(registryPassword(t, s))
	first, second := importImage(t, ctr, s.address+"/app", "v1"), importImage(t, ctr, s.address+"/app", "v2")

	push := func(name, source string) command {
		return ctr(slices.Concat([]string{"push"}, signedIn, []string{name, source})...)
	}
	v1, v2, fixed := s.address+"/app:v1", s.address+"/app:v2", s.address+"/fixed:v1"
	push(v1, v1).run(t)
	push(v2, v2).run(t)
	for tag, want := range map[string]image{"v1": first, "v2": second} {
		if got := describeTag(t, s, "app", tag); got != want.Digest {
			t.Errorf("%s has the digest %s, want %s", tag, got, want.Digest)
		}
	}
	ctr("rm", v1).run(t)
	ctr(slices.Concat([]string{"pull", "--snapshotter", "native"}, signedIn, []string{v1})...).run(t)
	ctr(slices.Concat([]string{"pull", "--snapshotter", "native"}, signedIn, []string{s.address + "/app@" + first.Digest})...).run(t)

	push(fixed, v1).run(t)
	push(fixed, v1).run(t)
	push(fixed, v2).says(t, immutableTag("fixed", "v1"))
	if got := describeTag(t, s, "fixed", "v1"); got != first.Digest {
		t.Errorf("the immutable tag moved from %s to %s", first.Digest, got)
	}

	push(s.address+"/missing:v1", v1).says(t, missingRepository("missing"))
	ctr(slices.Concat([]string{"pull"}, signedIn, []string{s.address + "/app:none"})...).says(t, s.address+"/app:none: not found")
	ctr(slices.Concat([]string{"push"}, as("not-a-token"), []string{v1})...).says(t, "401 Unauthorized")
}

// importImage makes an image and brings it into containerd's content store as
// name:tag.
func importImage(t *testing.T, ctr func(...string) command, name, tag string) image {
	t.Helper()
	img := newImage(t, "amd64", 1000, 100<<10)
	archive := filepath.Join(t.TempDir(), "image.tar")
	command{args: []string{"tar", "-C", writeLayout(t, tag, img.content, img.blobs()...), "-cf", archive, "."}}.run(t)
	ctr("import", "--snapshotter", "native", "--base-name", name, archive).run(t)
	return img
}
