//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A postgres is a PostgreSQL of one test that syncs as it does in production,
// with its data in a directory that outlives its crashes.
type postgres struct {
	t         *testing.T
	bin       string
	directory string
	address   string
	settings  []string // flags of the server
	process   *exec.Cmd
}

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	p := newPostgres(t)
	initialize := p.command("initdb", "--pgdata="+p.data(), "--username=nifuda", "--auth=trust", "--encoding=UTF8", "--locale=C")
	if out, err := initialize.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p.start()
	return p
}

// newPostgres is a PostgreSQL without data.
func newPostgres(t *testing.T) *postgres {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, lookErr := exec.LookPath("initdb"); len(programs) == 0 && lookErr == nil {
		programs = []string{path}
	}
	need(t, err == nil && len(programs) > 0, "PostgreSQL (Debian: apt-get install postgresql)")
	directory, err := os.MkdirTemp("", "nifuda-pg-") //nolint:usetesting // whom PostgreSQL runs as cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	p := &postgres{t: t, bin: filepath.Dir(slices.Max(programs)), directory: directory, address: freeAddress(t)}
	p.own()
	t.Cleanup(p.kill)
	return p
}

func (p *postgres) data() string { return filepath.Join(p.directory, "data") }
func (p *postgres) url() string {
	return "postgres://nifuda@" + p.address + "/postgres?sslmode=disable"
}

// own gives the directory to whom PostgreSQL runs as: it refuses to be root.
func (p *postgres) own() {
	p.t.Helper()
	if credential := p.credential(); credential != nil {
		if err := os.Chown(p.directory, int(credential.Uid), int(credential.Gid)); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *postgres) credential() *syscall.Credential {
	p.t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		p.t.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		p.t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(p.bin, name), args...)
	command.Dir = p.directory
	command.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential()}
	return command
}

// start runs the server; it may recover for a while before it answers.
func (p *postgres) start() {
	p.t.Helper()
	_, port, err := net.SplitHostPort(p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(p.directory, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.process = p.command("postgres", append([]string{"-D", p.data(), "-p", port, "-k", p.directory, "-c", "listen_addresses=127.0.0.1"}, p.settings...)...)
	p.process.Stdout, p.process.Stderr = log, log
	if err := p.process.Start(); err != nil {
		p.t.Fatalf("start PostgreSQL: %v", err)
	}
	limit := time.After(startLimit)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for p.query("SELECT 1", new(int)) != nil {
		select {
		case <-poll.C:
		case <-limit:
			log, _ := os.ReadFile(log.Name())
			p.t.Fatalf("PostgreSQL does not answer:\n%s", log)
		}
	}
}

func (p *postgres) query(text string, dest any) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	db, err := sql.Open("pgx", p.url())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.QueryRowContext(ctx, text).Scan(dest)
}

// kill ends all processes of the server as a crash does.
func (p *postgres) kill() {
	if p.process == nil {
		return
	}
	// None of them is asked: first the one that would clean up after the others.
	pids := append([]int{p.process.Process.Pid}, childrenOf(p.process.Process.Pid)...)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // one that is gone is as good
	}
	_ = p.process.Wait() // was killed
	p.process = nil
	for _, pid := range pids[1:] {
		for syscall.Kill(pid, 0) == nil && !isZombie(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// killBackend kills one process that serves a connection. PostgreSQL then ends
// all of them, because that one may have left the shared memory broken, recovers,
// and is back when killBackend returns.
func (p *postgres) killBackend() {
	p.t.Helper()
	starts := p.starts()
	var pid int
	err := p.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1", &pid)
	if err != nil {
		p.t.Fatalf("find a backend: %v", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	limit := time.After(startLimit)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for p.starts() == starts {
		select {
		case <-poll.C:
		case <-limit:
			p.t.Fatal("PostgreSQL does not come back without a backend")
		}
	}
}

// starts is how often the server has become ready, by its log.
func (p *postgres) starts() int {
	p.t.Helper()
	log, err := os.ReadFile(filepath.Join(p.directory, "log"))
	if err != nil {
		p.t.Fatal(err)
	}
	return bytes.Count(log, []byte("database system is ready to accept connections"))
}

// processStat returns the state and the parent of a process, from proc(5).
func processStat(pid int) (state string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // after the name
	fields := strings.Fields(string(rest))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

func isZombie(pid int) bool {
	state, _ := processStat(pid)
	return state == "Z" || state == ""
}

func childrenOf(parent int) (children []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if _, of := processStat(pid); of == parent {
			children = append(children, pid)
		}
	}
	return children
}

// TestCrashesOfPostgreSQLLoseNothing kills the database under a server, which
// says so, comes back by itself, and has everything that it acknowledged.
func TestCrashesOfPostgreSQLLoseNothing(t *testing.T) {
	database := startPostgres(t)
	s := startServer(t, "--database", database.url(), "--log-level", "error")
	luck := newLuck(t)
	clock := 0
	l := newLoad(newLedger(func() int { clock++; return clock }), 4, luck)
	l.docker, l.api = newRegistryClient(t, s), ecrClient(t, s)
	if err := l.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range times(8, 80) {
		l.workUntil(t, true, func(done <-chan struct{}) {
			l.await(t, luck.IntN(20), done)
			pause(luck, 20*time.Millisecond)
			if round%3 == 2 {
				database.killBackend()
			} else {
				database.kill()
				awaitStatus(t, s.url()+"/readyz", http.StatusServiceUnavailable)
				database.start()
			}
			awaitStatus(t, s.url()+"/readyz", http.StatusOK)
			l.await(t, 5, done) // of the connections that broke none is used any more
		})
		l.mustSurvive(t, l.things(), l.killed())
		if l.unanswered > 0 {
			t.Fatalf("%d requests got no answer while the database was away", l.unanswered)
		}
	}
	checkDatabase(t, s)
	t.Logf("%d acknowledged changes", l.acknowledged())
}

// awaitStatus polls until a page has the status.
func awaitStatus(t *testing.T, url string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := get(ctx, url)
		if err == nil && status == want {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("%s: status %d, %v; want %d", url, status, err, want)
		}
	}
}
