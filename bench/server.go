package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The protocols that scenarios use.
const (
	distribution = "distribution" // /v2/
	ecrAPI       = "ecr"          // the AWS JSON protocol
	admin        = "admin"        // nifuda's own figures
)

// A contender is a server to measure.
type contender struct {
	name      string
	protocols []string
	// command serves on address with its data in dir.
	command func(dir, address string) *exec.Cmd
	// ready is the path that answers 200, or 401, once it serves.
	ready string
	// nodes is how many of nifuda share a database and a bucket; 0 is no cluster.
	nodes int
}

func (c contender) speaks(protocol string) bool { return slices.Contains(c.protocols, protocol) }

// The root key of the nifuda under test.
const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// contenders returns nifuda, the peers that are there and the bare handler,
// and why the others are absent.
func (s settings) contenders() (found []contender, absent []string) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	all := []struct {
		program string
		contender
	}{
		{s.nifuda, contender{"nifuda", []string{distribution, ecrAPI, admin}, func(dir, address string) *exec.Cmd {
			command := s.nifudaCommand(dir, address)
			if s.profile != "" {
				command.Args = append(command.Args, "--admin-listen", adminAddress)
			}
			return command
		}, "/readyz", 0}},
		{s.nifuda, contender{"nifuda unsealed", []string{distribution, ecrAPI}, func(dir, address string) *exec.Cmd {
			command := s.nifudaCommand(dir, address)
			command.Args = append(command.Args, "--seal", "off")
			return command
		}, "/readyz", 0}},
		{filepath.Join(s.peers, "registry"), contender{"distribution v3", []string{distribution}, func(dir, address string) *exec.Cmd {
			return distributionCommand(filepath.Join(s.peers, "registry"), dir, address)
		}, "/v2/", 0}},
		{"docker-registry", contender{"docker-registry", []string{distribution}, func(dir, address string) *exec.Cmd {
			return distributionCommand("docker-registry", dir, address)
		}, "/v2/", 0}},
		{filepath.Join(s.peers, "crane"), contender{"crane registry", []string{distribution}, func(dir, address string) *exec.Cmd {
			return exec.Command(filepath.Join(s.peers, "crane"), "registry", "serve", "--disk", dir, "--address", address)
		}, "/v2/", 0}},
		{"moto_server", contender{"moto", []string{ecrAPI}, func(_, address string) *exec.Cmd {
			host, port, _ := net.SplitHostPort(address)
			return exec.Command("moto_server", "-H", host, "-p", port)
		}, "/moto-api/", 0}},
		{self, contender{"bare handler", []string{distribution, ecrAPI}, func(dir, address string) *exec.Cmd {
			return exec.Command(self, "bare", dir, address)
		}, "/v2/", 0}},
	}
	for _, c := range all {
		if !s.against.MatchString(c.name) {
			continue
		}
		if _, err := exec.LookPath(c.program); err != nil {
			absent = append(absent, c.name+": "+err.Error())
			continue
		}
		found = append(found, c.contender)
	}
	return found, absent
}

func (s settings) nifudaCommand(dir, address string) *exec.Cmd {
	command := exec.Command(s.nifuda, "serve", "--listen", address, "--admin-listen", "off", "--data", dir)
	command.Env = append(os.Environ(), "NIFUDA_ROOT_ACCESS_KEY_ID="+accessKey, "NIFUDA_ROOT_SECRET_ACCESS_KEY="+secretKey)
	return command
}

const adminAddress = "127.0.0.1:5091"

// distributionCommand runs a registry of the distribution project as its
// documentation has it: files, deletion on, and in its favor no access log.
func distributionCommand(program, dir, address string) *exec.Cmd {
	configuration := filepath.Join(dir, "config.yml")
	text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n" +
		"storage: {filesystem: {rootdirectory: " + dir + "/data}, delete: {enabled: true}}\n" +
		"http: {addr: '" + address + "'}\n"
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		panic(err) // the directory was made for it
	}
	return exec.Command(program, "serve", configuration)
}

// A server is a contender that runs.
type server struct {
	contender
	address string
	dir     string
	process *exec.Cmd
	exited  chan struct{}
	startup time.Duration // from exec to the first answer
	login   string        // the value of Authorization under /v2/

	engines *engines     // of a cluster
	others  []*server    // the other nodes of a cluster
	dialed  atomic.Int64 // connections so far
	rate    float64      // units of work a second that are asked for; 0 is no limit

	underLoad func() // called when a measurement begins
}

// start starts a contender on a new directory and waits until it answers.
func (s settings) start(ctx context.Context, c contender) (*server, error) {
	if c.nodes > 0 {
		return s.startCluster(ctx, c)
	}
	dir, err := os.MkdirTemp("", "nifuda-bench-")
	if err != nil {
		return nil, err
	}
	server := &server{contender: c, dir: dir, underLoad: func() {}}
	if err := server.launch(ctx); err != nil {
		server.stop()
		return nil, err
	}
	if c.ready == "/readyz" {
		if server.login, err = logIn(server); err != nil {
			server.stop()
			return nil, err
		}
	}
	return server, nil
}

// launch runs the contender on its directory, new or not.
func (s *server) launch(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	listener.Close()
	s.process = s.command(s.dir, s.address)
	output, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	s.process.Stdout, s.process.Stderr = output, output
	began := time.Now()
	if err := s.process.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.process.Wait() // how it ends shows in what it answered
		close(s.exited)
	}()
	if err := s.await(ctx); err != nil {
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%w\n%s", err, text)
	}
	s.startup = time.Since(began)
	return nil
}

func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if c, err := dial(s); err == nil {
			_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // of a socket: cannot fail
			answer, err := c.do("GET", s.ready, "", nil)
			c.Close()
			if err == nil && (answer.status == 200 || answer.status == 401) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.New("does not answer")
		case <-s.exited:
			return errors.New("exited")
		case <-time.After(time.Millisecond):
		}
	}
}

// halt ends the process in order and keeps the data.
func (s *server) halt() {
	if s.exited == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.process.Process.Kill()
		<-s.exited
	}
	s.exited = nil
}

// stop ends the process and removes its data.
func (s *server) stop() {
	for _, other := range s.others {
		other.stop()
	}
	s.halt()
	if s.engines != nil {
		s.engines.stop()
	}
	os.RemoveAll(s.dir)
}

// cpu returns the CPU time that the process has used, user and system.
func (s *server) cpu() time.Duration {
	// The clock of another process's CPU time: clock_getcpuclockid(3).
	clock := int32(^s.process.Process.Pid<<3 | 2)
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(fmt.Errorf("CPU clock of process %d: %w", s.process.Process.Pid, err))
	}
	return time.Duration(t.Nano())
}

// memory returns a line of /proc/PID/status in bytes, such as VmRSS.
func (s *server) memory(line string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for field := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(field, line+":"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", line)
}
