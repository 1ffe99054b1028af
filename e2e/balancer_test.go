package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// A balancer is one of those that deploy/balancer has a file for, and stands
// before nodes.
type balancer struct {
	program string
	// command runs it with the file fitted to the addresses.
	command func(t *testing.T, directory, listen string, nodes []string) *exec.Cmd
}

var balancers = []balancer{{"caddy", caddyCommand}, {"nginx", nginxCommand}}

func caddyCommand(_ *testing.T, directory, listen string, nodes []string) *exec.Cmd {
	command := exec.Command("caddy", "run", "--adapter", "caddyfile", "--config", filepath.Join("..", "deploy", "balancer", "Caddyfile"))
	command.Env = append(os.Environ(), "HOME="+directory, "SITE=http://"+listen, "NODES="+strings.Join(nodes, " "))
	return command
}

func nginxCommand(t *testing.T, directory, listen string, nodes []string) *exec.Cmd {
	t.Helper()
	text := string(readFile(t, filepath.Join("..", "deploy", "balancer", "nginx.conf")))
	fitted := strings.NewReplacer("node1:5050", nodes[0], "node2:5050", nodes[1], "listen 5050", "listen "+listen).Replace(text)
	file := filepath.Join(directory, "nginx.conf")
	writeFile(t, file, []byte(fitted))
	return exec.Command("nginx", "-p", directory, "-c", file, "-e", "stderr", "-g", "daemon off; pid "+filepath.Join(directory, "pid")+";")
}

// start runs the balancer until the test ends, and returns where it listens.
func (b balancer) start(t *testing.T, nodes ...string) (listen string) {
	t.Helper()
	needProgram(t, b.program, b.program)
	directory := t.TempDir()
	listen = freeAddress(t)
	log, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	command := b.command(t, directory, listen, nodes)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("the log of %s:\n%s", b.program, readFile(t, log.Name()))
		}
	})
	await(t, b.program, func() bool {
		status, err := get(t.Context(), "http://"+listen+"/readyz")
		return err == nil && status == 200
	})
	return listen
}

// TestBalancersPassLayersThrough: with the files of deploy/balancer, in front of a
// node that is there and of one that is not.
func TestBalancersPassLayersThrough(t *testing.T) {
	for _, b := range balancers {
		t.Run(b.program, func(t *testing.T) {
			s := startServer(t, "--trusted-proxies", "127.0.0.1")
			listen := b.start(t, freeAddress(t), s.listen)
			createRepository(t, s, "app")
			client := newRegistryClient(t, s)
			client.base = "http://" + listen
			img := newImage(t, "amd64", 1000, 70<<20)
			if err := client.push(t.Context(), "app", "v1", img); err != nil {
				t.Fatal(err)
			}
			if err := client.verify(t.Context(), "app", "v1", img); err != nil {
				t.Error(err)
			}

			// The signature covers the balancer's address, and the answer names it.
			before := *s
			before.address = listen
			out, err := ecrClientWithKey(t, &before, accessKey(t, s), secretKey(t, s)).DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
			if err != nil {
				t.Fatal(err)
			}
			if got := aws.ToString(out.Repositories[0].RepositoryUri); got != listen+"/app" {
				t.Errorf("the repository is at %s, want %s/app", got, listen)
			}
		})
	}
}
