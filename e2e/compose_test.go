package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// compose is a command of the compose plugin for a file of deploy/, with another
// file that fits it to a daemon without networks.
func (c dockerClient) compose(t *testing.T, file, fitted string, args ...string) command {
	t.Helper()
	needClient(t, "docker-compose")
	files := []string{"docker-compose", "--file", filepath.Join("..", "deploy", file), "--file", fitted}
	return command{args: slices.Concat(files, args), env: c.env}
}

// imageUser is whom a container runs as.
const imageUser = 65532

// TestComposeRunsOneNode runs deploy/compose.yaml and what it pushed survives the
// containers.
func TestComposeRunsOneNode(t *testing.T) {
	docker := newDockerClient(t)
	image := docker.loadImage(t)
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	fitted := filepath.Join(directory, "fitted.yaml")
	writeFile(t, fitted, []byte("services: {nifuda: {network_mode: host, ports: !reset [], environment: {NIFUDA_LISTEN: '"+address+"', NIFUDA_ADMIN_LISTEN: off}}}\n"))
	docker.env = append(docker.env, "NIFUDA_IMAGE="+image)
	compose := func(args ...string) command { return docker.compose(t, "compose.yaml", fitted, args...) }
	defer func() {
		if t.Failed() {
			t.Log(compose("logs").runAll(t))
		}
		compose("down", "--volumes", "--timeout", "40").run(t)
	}()

	compose("up", "--detach", "--wait").run(t)
	s := &server{t: t, listen: address, address: "localhost:" + port, directory: directory}
	if err := os.Mkdir(s.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	compose("cp", "nifuda:/data/aws", s.data()).run(t)
	createRepository(t, s, "app")
	client, img := newRegistryClient(t, s), newImage(t, "amd64", 1000, 200<<10)
	if err := client.push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	backups := t.TempDir()
	if err := os.Chown(backups, imageUser, imageUser); err != nil {
		t.Fatal(err)
	}
	compose("run", "--rm", "--volume", backups+":/backups", "nifuda", "backup", "/backups").prints(t, "Snapshot ")
	compose("down", "--timeout", "40").run(t)
	compose("up", "--detach", "--wait").run(t)
	if err := client.verify(t.Context(), "app", "v1", img); err != nil {
		t.Error(err)
	}
}
