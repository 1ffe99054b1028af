//go:build linux

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A patroni is a cluster of PostgreSQL servers that fails over by itself.
type patroni struct {
	t         *testing.T
	directory string
	members   []*patroniMember
}

// A patroniMember is one server with what watches it, in one group of processes.
type patroniMember struct {
	name, postgres, rest string // addresses
	process              *exec.Cmd
}

// startPatroni runs etcd and so many members, of which one is synchronous.
func startPatroni(t *testing.T, members int) *patroni {
	t.Helper()
	for program, debianPackage := range map[string]string{"patroni": "patroni", "etcd": "etcd-server"} {
		needProgram(t, program, debianPackage)
	}
	owner := newPostgres(t) // whose directory and user the cluster has
	p := &patroni{t: t, directory: owner.directory}
	peer, client := freeAddress(t), freeAddress(t)
	p.run(owner, "etcd", "etcd", "--data-dir", filepath.Join(p.directory, "etcd"), "--name", "one",
		"--listen-client-urls", "http://"+client, "--advertise-client-urls", "http://"+client,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "one=http://"+peer)
	awaitStatus(t, "http://"+client+"/health", http.StatusOK)
	for i := range members {
		m := &patroniMember{name: fmt.Sprint("member", i), postgres: freeAddress(t), rest: freeAddress(t)}
		p.members = append(p.members, m)
		p.begin(owner, m, client)
	}
	awaitTrue(t, "there is a primary with a synchronous standby", func() bool { return p.role("leader") != nil && p.role("sync_standby") != nil })
	return p
}

const patroniSettings = `scope: nifuda
name: %[1]s
restapi: {listen: "%[2]s", connect_address: "%[2]s"}
etcd3: {host: "%[3]s"}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 4
    maximum_lag_on_failover: 1048576
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql: {use_pg_rewind: true, parameters: {max_connections: 100}}
  initdb: [{encoding: UTF8}, {locale: C}]
postgresql:
  listen: "%[4]s"
  connect_address: "%[4]s"
  data_dir: %[5]s
  bin_dir: %[6]s
  pgpass: %[5]s.pgpass
  authentication:
    superuser: {username: nifuda, password: secret}
    replication: {username: replica, password: secret}
  parameters: {unix_socket_directories: %[7]s}
  pg_hba: ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust", "local all all trust"]
`

// begin starts a member, the first time or again.
func (p *patroni) begin(owner *postgres, m *patroniMember, etcd string) {
	p.t.Helper()
	file := filepath.Join(p.directory, m.name+".yml")
	settings := fmt.Sprintf(patroniSettings, m.name, m.rest, etcd, m.postgres, filepath.Join(p.directory, m.name), owner.bin, p.directory)
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil { //nolint:gosec // whom the member runs as reads it
		p.t.Fatal(err)
	}
	m.process = p.run(owner, m.name, "patroni", file)
}

// run starts a program in a group of processes that ends with the test.
func (p *patroni) run(owner *postgres, name, program string, args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		p.t.Fatal(err)
	}
	command := owner.command("x", args...)
	command.Path, command.Args[0], command.Err = path, path, nil
	command.SysProcAttr.Setpgid = true
	log, err := os.OpenFile(filepath.Join(p.directory, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		p.t.Fatalf("start %s: %v", program, err)
	}
	p.t.Cleanup(func() {
		endGroup(command)
		if p.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			p.t.Logf("the end of the log of %s:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	return command
}

// endGroup kills a program and all that it has started.
func endGroup(command *exec.Cmd) {
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // one that is gone is as good
	_ = command.Wait()
}

// role returns the member that has a role, by what the cluster says.
func (p *patroni) role(role string) *patroniMember {
	for _, m := range p.members {
		response, err := http.Get("http://" + m.rest + "/cluster") //nolint:noctx // ends with the process that is asked
		if err != nil {
			continue
		}
		var cluster struct {
			Members []struct{ Name, Role, State string }
		}
		err = json.NewDecoder(response.Body).Decode(&cluster)
		response.Body.Close()
		if err != nil {
			continue
		}
		for _, found := range cluster.Members {
			for _, m := range p.members {
				if found.Name == m.name && found.Role == role {
					return m
				}
			}
		}
	}
	return nil
}

func (p *patroni) url() string {
	var hosts []string
	for _, m := range p.members {
		hosts = append(hosts, m.postgres)
	}
	return "postgres://nifuda:secret@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable"
}

// postgresOf is the process id of a member's PostgreSQL, or 0.
func (p *patroni) postgresOf(m *patroniMember) (pid int) {
	text, err := os.ReadFile(filepath.Join(p.directory, m.name, "postmaster.pid"))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(text), &pid)
	return pid
}

// TestSoakPatroniFailsOver kills the member that is the primary, with all of its
// processes, again and again while clients push. It takes minutes.
func TestSoakPatroniFailsOver(t *testing.T) {
	if os.Getenv("NIFUDA_SOAK") == "" {
		t.Skip("takes minutes: NIFUDA_SOAK=1")
	}
	cluster := startPatroni(t, 3)
	s := startServer(t, "--database", cluster.url(), "--log-level", "warn")
	luck := newLuck(t)
	clock := 0
	l := newLoad(newLedger(func() int { clock++; return clock }), 4, luck)
	l.docker, l.api = newRegistryClient(t, s), ecrClient(t, s)
	if err := l.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var gap time.Duration
		l.workUntil(t, true, func(done <-chan struct{}) {
			l.await(t, 20, done)
			// Without one Patroni rightly promotes nobody.
			awaitTrue(t, "there is a synchronous standby", func() bool { return cluster.role("leader") != nil && cluster.role("sync_standby") != nil })
			primary := cluster.role("leader")
			begin := time.Now()
			postmaster := cluster.postgresOf(primary)
			for _, child := range childrenOf(postmaster) {
				_ = syscall.Kill(child, syscall.SIGKILL)
			}
			_ = syscall.Kill(postmaster, syscall.SIGKILL)
			if round%2 == 1 {
				endGroup(primary.process) // what watches it dies, too: its lease has to run out
			}
			awaitReadyAgain(t, s, begin)
			l.await(t, 10, done)
			gap = time.Since(begin)
		})
		l.mustSurvive(t, l.things(), l.killed())
		t.Logf("round %d: %v until ten changes were acknowledged again", round, gap.Round(time.Millisecond))
	}
	t.Logf("%d acknowledged changes, %d requests without an answer", l.acknowledged(), l.unanswered)
}

// failoverLimit is more than the lease of a primary and what an election takes.
const failoverLimit = 2 * time.Minute

// awaitReadyAgain polls until the server, which has had time to notice, can write
// to another primary, or to the old one that is back.
func awaitReadyAgain(t *testing.T, s *server, begin time.Time) {
	t.Helper()
	limit := time.After(failoverLimit)
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := get(t.Context(), s.url()+"/readyz")
		if err == nil && status == http.StatusOK && time.Since(begin) > time.Second {
			return
		}
		select {
		case <-poll.C:
		case <-limit:
			t.Fatal("no other member becomes the primary")
		}
	}
}
