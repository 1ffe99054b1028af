package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// dockerdLimit is how long a Docker daemon may take to start or to end.
const dockerdLimit = time.Minute

// A dockerDaemon is a Docker daemon of the tests' own, apart from whatever
// else runs on the machine.
type dockerDaemon struct {
	socket   string
	lifeline io.Closer     // the daemon ends when it is closed
	exited   chan struct{} // closed after err was set
	err      error
}

// dockerd starts the daemon that all docker tests share.
var dockerd = sync.OnceValues(func() (*dockerDaemon, error) {
	var failures []error
	// vfs copies every layer, but works where overlayfs does not, such as
	// inside a container.
	for _, driver := range []string{"overlay2", "vfs"} {
		daemon, err := startDockerd(driver)
		if err == nil {
			startedDockerd = daemon
			return daemon, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
})

// startedDockerd is the running daemon, if any, for the end of the tests.
var startedDockerd *dockerDaemon

// dockerdScript runs the daemon until its standard input ends, which it does
// however the tests end. In a mount namespace of its own nothing stays mounted
// afterwards; a machine without control groups, which the daemon insists on,
// gets them there.
const dockerdScript = `
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
dockerd "$@" &
daemon=$!
exec 3<&0
{ cat <&3 >/dev/null; kill $daemon; } 2>/dev/null &
wait $daemon`

// startDockerd starts a daemon and waits until it answers.
func startDockerd(driver string) (*dockerDaemon, error) {
	directory := filepath.Join(workspace, driver)
	if err := os.Mkdir(directory, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own

	socket := filepath.Join(directory, "docker.sock")
	command := exec.Command("unshare", "--mount", "sh", "-c", dockerdScript, "dockerd",
		"--data-root", filepath.Join(directory, "data"),
		"--exec-root", filepath.Join(directory, "exec"),
		"--pidfile", filepath.Join(directory, "pid"),
		"--host", "unix://"+socket,
		"--log-level", "warn",
		"--storage-driver", driver,
		"--insecure-registry", "127.0.0.0/8",
		// Nothing runs in a container, so the machine's network stays as it is.
		"--bridge", "none", "--iptables=false", "--ip6tables=false",
	)
	command.Stdout, command.Stderr = log, log
	lifeline, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	daemon := &dockerDaemon{socket: socket, lifeline: lifeline, exited: make(chan struct{})}
	go func() {
		daemon.err = command.Wait()
		close(daemon.exited)
	}()
	if err := daemon.awaitReady(); err != nil {
		daemon.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("dockerd with %s: %w\n%s", driver, err, text)
	}
	return daemon, nil
}

// awaitReady polls the daemon until it answers.
func (d *dockerDaemon) awaitReady() error {
	limit := time.After(dockerdLimit)
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		version := exec.Command("docker", "--host", "unix://"+d.socket, "version")
		if out, err := version.CombinedOutput(); err == nil {
			return nil
		} else if len(out) == 0 {
			return err // no client
		}
		select {
		case <-poll.C:
		case <-d.exited:
			return fmt.Errorf("exited: %w", d.err)
		case <-limit:
			return errors.New("does not answer")
		}
	}
}

// stop ends the daemon, and with it the containerd that it started.
func (d *dockerDaemon) stop() {
	d.lifeline.Close()
	select {
	case <-d.exited:
	case <-time.After(dockerdLimit):
		fmt.Fprintln(os.Stderr, "the Docker daemon does not end")
	}
}

func stopDockerd() {
	if startedDockerd != nil {
		startedDockerd.stop()
	}
}

// A dockerClient is the docker CLI with a configuration of its own.
type dockerClient struct {
	env []string
}

// newDockerClient returns a client of the shared daemon that is signed in
// nowhere.
func newDockerClient(t *testing.T) dockerClient {
	t.Helper()
	needRoot(t, "a Docker daemon")
	needProgram(t, "dockerd", "docker.io")
	needProgram(t, "docker", "docker.io")
	daemon, err := dockerd()
	if err != nil {
		t.Fatal(err)
	}
	return dockerClient{env: []string{
		"DOCKER_HOST=unix://" + daemon.socket,
		"DOCKER_CONFIG=" + t.TempDir(),
		"DOCKER_BUILDKIT=0", // the daemon's own builder needs no plugin
	}}
}

// docker is a command of the client.
func (c dockerClient) docker(args ...string) command {
	return command{args: append([]string{"docker"}, args...), env: c.env}
}

// build builds an image that no other image is equal to.
func (c dockerClient) build(t *testing.T, name string) {
	t.Helper()
	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, "data"), randomBytes(200<<10))
	writeFile(t, filepath.Join(directory, "Dockerfile"), []byte("FROM scratch\nCOPY data /data\nCOPY Dockerfile /Dockerfile\n"))
	c.docker("build", "--tag", name, directory).run(t)
}
