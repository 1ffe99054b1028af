//go:build linux

package e2e_test

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
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

// TestComposeRunsSeveralNodes runs the nodes of deploy/compose-scaled.yaml. What
// they need runs beside the daemon, which has no other images.
func TestComposeRunsSeveralNodes(t *testing.T) {
	docker := newDockerClient(t)
	image := docker.loadImage(t)
	database, blobs := startPostgres(t), startBucket(t)
	directory := t.TempDir()
	const id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	docker.env = append(docker.env, "NIFUDA_IMAGE="+image, "SERVER_KEY="+hex.EncodeToString(randomBytes(32)),
		"POSTGRES_PASSWORD=unused", "S3_SECRET_KEY=bucket-secret", "NIFUDA_ROOT_ACCESS_KEY_ID="+id, "NIFUDA_ROOT_SECRET_ACCESS_KEY="+secret)

	nodes := map[string]string{"node1": freeAddress(t), "node2": freeAddress(t), "worker": freeAddress(t)}
	services := map[string]any{}
	for name, address := range nodes {
		services[name] = map[string]any{"network_mode": "host", "environment": map[string]string{
			"NIFUDA_LISTEN": address, "NIFUDA_ADMIN_LISTEN": "off", "NIFUDA_TRUSTED_PROXIES": "127.0.0.1",
			"NIFUDA_DATABASE": database.url(), "NIFUDA_BLOBS": blobs.target() + "&redirect=off", "AWS_ACCESS_KEY_ID": "bucket",
		}}
	}
	fitted := filepath.Join(directory, "fitted.yaml")
	// Nothing starts beside them. A tag of YAML is nothing that JSON can say.
	text := strings.ReplaceAll(string(marshal(t, map[string]any{"services": services})), `"network_mode"`, `"depends_on": !reset {}, "network_mode"`)
	writeFile(t, fitted, []byte(text))
	compose := func(args ...string) command { return docker.compose(t, "compose-scaled.yaml", fitted, args...) }
	defer func() {
		if t.Failed() {
			t.Log(compose("logs", "node1", "node2", "worker").runAll(t))
		}
		compose("down", "--volumes", "--timeout", "40").run(t)
	}()

	compose("up", "--detach", "--wait", "node1", "node2", "worker").run(t)
	listen := balancers[0].start(t, nodes["node1"], nodes["node2"])
	s := &server{t: t, listen: listen, address: listen, directory: directory}
	api := ecrClientWithKey(t, s, id, secret)
	if _, err := api.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String("app")}); err != nil {
		t.Fatal(err)
	}
	img := newImage(t, "amd64", 1000, 12<<20)
	if err := (registryClient{base: s.url(), password: passwordOf(t, api)}).push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	compose("stop", "--timeout", "40", "node1").run(t)
	if err := (registryClient{base: s.url(), password: passwordOf(t, api)}).verify(t.Context(), "app", "v1", img); err != nil {
		t.Errorf("without node1: %v", err)
	}
}

// TestComposeAsksForSecrets: the example without its secrets starts nothing.
func TestComposeAsksForSecrets(t *testing.T) {
	needClient(t, "docker-compose")
	directory := filepath.Join("..", "deploy")
	example := filepath.Join(directory, "scaled.env.example")
	config := func(settings string) command {
		return command{args: []string{"docker-compose", "--file", filepath.Join(directory, "compose-scaled.yaml"), "--env-file", settings, "config", "--quiet"}}
	}
	config(example).says(t, "see scaled.env.example")
	filled := filepath.Join(t.TempDir(), "scaled.env")
	writeFile(t, filled, regexp.MustCompile(`(?m)^[A-Z_0-9]+=$`).ReplaceAll(readFile(t, example), []byte("${0}x")))
	config(filled).run(t)
}
