//go:build linux

package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startPgbouncer runs a pooler before a server that gives each transaction
// another session, of which there are fewer than connections to it. It returns
// the URL of the database through it.
func startPgbouncer(t *testing.T, database *postgres) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer"
	}
	_, err = os.Stat(program)
	need(t, err == nil, "pgbouncer (Debian: apt-get install pgbouncer)")
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	_, databasePort, _ := strings.Cut(database.address, ":")
	settings := fmt.Sprintf(`[databases]
postgres = host=127.0.0.1 port=%s user=nifuda
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
`, databasePort, port)
	file := filepath.Join(database.directory, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil { //nolint:gosec // whom the pooler runs as reads it
		t.Fatal(err)
	}
	command := database.command("bash", "-c", "exec "+program+" "+file)
	command.Path = "/bin/bash"
	log, err := os.Create(filepath.Join(database.directory, "pgbouncer.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatalf("start pgbouncer: %v", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGKILL)
		_ = command.Wait() // was killed
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("pgbouncer's log:\n%s", text)
		}
	})
	return "postgres://nifuda@" + address + "/postgres?sslmode=disable&pooling=transaction"
}

// TestEverythingWorksBehindPgbouncer has fewer sessions than clients, so that
// whatever depended on one would meet another's.
func TestEverythingWorksBehindPgbouncer(t *testing.T) {
	t.Parallel()
	database := startPostgres(t)
	url := startPgbouncer(t, database)
	s := startServer(t, "--database", url, "--log-level", "warn")
	luck := newLuck(t)
	clock := 0
	l := newLoad(newLedger(func() int { clock++; return clock }), 6, luck)
	l.docker, l.api = newRegistryClient(t, s), ecrClient(t, s)
	if err := l.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.workUntil(t, true, func(done <-chan struct{}) {
		l.await(t, 60, done)
		database.killBackend() // its sessions end under the pooler, too
		l.await(t, 60, done)
	})
	awaitStatus(t, s.url()+"/readyz", http.StatusOK)
	l.mustSurvive(t, l.things(), l.killed())

	s.offline(t, "backup", filepath.Join(t.TempDir(), "backup")).run(t)
}
