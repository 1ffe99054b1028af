package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 30 * time.Second // from exec to a 200 of /readyz
	stopLimit  = 45 * time.Second // from SIGTERM to the exit; running transfers get 30 s
	logShown   = 16 << 10         // bytes of the log of a failed test
)

// A server is a `nifuda serve` under test, with a data directory that outlives
// its restarts.
type server struct {
	t         *testing.T
	listen    string // --listen
	admin     string // --admin-listen
	address   string // host:port as clients of the registry call it
	secure    bool   // TLS, under the host names of AWS
	directory string // --data's parent and the process's working directory
	args      []string
	env       []string // beside the environment of the tests
	program   string   // "" is the binary under test
	process   *process // nil while stopped
}

// A process is one run of the binary.
type process struct {
	command *exec.Cmd
	exited  chan struct{} // closed after err was set
	err     error
}

// startServer starts a server on a new data directory and waits until it is
// ready. It is stopped at the end of the test, which fails unless it exits
// cleanly; its log is printed if the test failed.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := newServer(t, t.TempDir(), args...)
	s.start()
	return s
}

// newServer is startServer for a directory that may hold data, without the
// start.
func newServer(t *testing.T, directory string, args ...string) *server {
	t.Helper()
	s := &server{t: t, listen: freeAddress(t), admin: freeAddress(t), directory: directory, args: args}
	s.address = strings.Replace(s.listen, "127.0.0.1", "localhost", 1)
	if underAWSNames {
		s.listen, s.address, s.secure = awsAddress+":443", awsRegistry, true
		s.args = append(s.args, "--tls-cert", os.Getenv(awsNamesVariable)+"/tls.crt", "--tls-key", os.Getenv(awsNamesVariable)+"/tls.key")
	}
	t.Cleanup(func() {
		if s.process != nil {
			s.stop()
		}
		if t.Failed() {
			log, err := os.ReadFile(s.logFile())
			t.Logf("the end of the server's log (%v):\n%s", err, log[max(0, len(log)-logShown):])
		}
	})
	return s
}

func (s *server) data() string    { return filepath.Join(s.directory, "data") }
func (s *server) logFile() string { return filepath.Join(s.directory, "server.log") }

func (s *server) url() string {
	if s.secure {
		return "https://" + s.address
	}
	return "http://" + s.address
}

// plain returns the flags, by which a client is told to do without TLS, unless
// the server has it.
func (s *server) plain(flags ...string) []string {
	if s.secure {
		return nil
	}
	return flags
}

// start runs the binary and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.awaitReady()
}

// launch runs the binary.
func (s *server) launch() {
	s.t.Helper()
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close() // the process has its own

	args := append([]string{"serve", "--listen", s.listen, "--admin-listen", s.admin, "--data", s.data()}, s.args...)
	program := s.program
	if program == "" {
		program = binary(s.t)
	}
	command := exec.Command(program, args...)
	command.Dir = s.directory
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		// The tests' own settings are none of a server's.
		return strings.HasPrefix(entry, "NIFUDA_") && !strings.HasPrefix(entry, "NIFUDA_ROOT_")
	})
	command.Env = append(command.Env, s.env...)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		s.t.Fatalf("start nifuda: %v", err)
	}
	p := &process{command: command, exited: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.exited)
	}()
	s.process = p
}

// awaitReady polls /readyz until it answers 200.
func (s *server) awaitReady() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := get(ctx, s.url()+"/readyz")
		if err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-poll.C:
		case <-s.process.exited:
			err := s.process.err
			s.process = nil
			s.t.Fatalf("nifuda exited before it was ready: %v", err)
		case <-ctx.Done():
			s.t.Fatalf("not ready after %v: status %d, %v", startLimit, status, err)
		}
	}
}

// stop ends the server as an operator does, and fails the test unless it exits
// with status 0 in time.
func (s *server) stop() {
	s.t.Helper()
	if err := s.end(syscall.SIGTERM); err != nil {
		s.t.Errorf("nifuda did not exit cleanly on SIGTERM: %v", err)
	}
}

// kill ends the server as a crash does.
func (s *server) kill() {
	s.t.Helper()
	if err := s.end(syscall.SIGKILL); err == nil {
		s.t.Error("nifuda exited cleanly before it was killed")
	}
}

// end sends the signal and waits for the process's end.
func (s *server) end(signal syscall.Signal) error {
	p := s.process
	s.process = nil
	if err := p.command.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return p.err
	case <-time.After(stopLimit):
		_ = p.command.Process.Kill()
		return fmt.Errorf("still running %v after %v", stopLimit, signal)
	}
}

// awsEnvironment is what a person exports to reach the server with AWS's tools.
// Under the host names of AWS only the key is ours.
func (s *server) awsEnvironment() []string {
	if s.secure {
		return []string{
			"AWS_CONFIG_FILE=" + filepath.Join(s.directory, "none"),
			"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(s.data(), "aws", "credentials"),
			"AWS_PROFILE=nifuda",
			"AWS_REGION=" + awsRegion,
			"AWS_DEFAULT_REGION=" + awsRegion, // what older SDKs read
			"AWS_CA_BUNDLE=" + systemCertificates,
			"NODE_EXTRA_CA_CERTS=" + systemCertificates,
		}
	}
	return []string{
		"AWS_CONFIG_FILE=" + filepath.Join(s.data(), "aws", "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(s.data(), "aws", "credentials"),
		"AWS_PROFILE=nifuda",
	}
}

// Ports of servers are below those that the kernel gives to clients: one that is
// stopped for a while must find its own free when it comes back.
const (
	firstPort = 10_000
	ports     = 10_000
)

// Ports are given in turn from a random one on, so that no two tests get the same.
var (
	firstGiven = rand.Uint32N(ports)
	portsGiven atomic.Uint32
)

// freeAddress returns a loopback address that nobody listens on, and that no other
// test gets.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range ports {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+(firstGiven+portsGiven.Add(1))%ports)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func get(ctx context.Context, url string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func TestServerAnswersItsOperator(t *testing.T) {
	s := startServer(t)
	for _, url := range []string{
		s.url() + "/healthz",
		s.url() + "/readyz",
		"http://" + s.admin + "/metrics",
	} {
		if status, err := get(t.Context(), url); err != nil || status != http.StatusOK {
			t.Errorf("GET %s: status %d, %v; want 200", url, status, err)
		}
	}
}

func TestFirstStartWritesCredentialsForItsOwnerAlone(t *testing.T) {
	s := startServer(t)
	for _, name := range []string{"config", "credentials"} {
		info, err := os.Stat(filepath.Join(s.data(), "aws", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of aws/%s is %o, want 600", name, got)
		}
	}
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AWS_CONFIG_FILE=", "AWS_SHARED_CREDENTIALS_FILE=", "AWS_PROFILE=nifuda", "aws ecr get-login-password", "docker login"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the first start does not print %q", want)
		}
	}
	if secret := secretKey(t, s); strings.Contains(string(log), secret) {
		t.Error("the first start prints the secret key")
	}
}

func TestRestartKeepsTheCredentials(t *testing.T) {
	s := startServer(t)
	before := secretKey(t, s)
	s.stop()
	s.start()
	if after := secretKey(t, s); after != before {
		t.Error("a restart made another key")
	}
}

func TestGivenRootKeyIsTheOneInForce(t *testing.T) {
	t.Setenv("NIFUDA_ROOT_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("NIFUDA_ROOT_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	s := startServer(t)
	client := ecrClientWithKey(t, s, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	if _, err := client.DescribeRegistry(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// secretKey and accessKey read the key that the server wrote for its owner.
func secretKey(t *testing.T, s *server) string {
	t.Helper()
	return credential(t, s, "aws_secret_access_key")
}

func accessKey(t *testing.T, s *server) string {
	t.Helper()
	return credential(t, s, "aws_access_key_id")
}

func credential(t *testing.T, s *server, setting string) string {
	t.Helper()
	credentials, err := os.ReadFile(filepath.Join(s.data(), "aws", "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(credentials)) {
		name, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(name) == setting {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("the credentials hold no %s", setting)
	return ""
}
