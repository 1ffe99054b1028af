//go:build linux

package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// makeStandby makes a standby of a running server, and waits until what commits there
// has to be on the standby too.
func makeStandby(t *testing.T, primary *postgres) (standby *postgres) {
	t.Helper()
	standby = newPostgres(t)
	host, port, _ := strings.Cut(primary.address, ":")
	out, err := standby.command("pg_basebackup", "--pgdata="+standby.data(), "--host="+host, "--port="+port, "--username=nifuda",
		"--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	standby.start()
	primary.must("ALTER SYSTEM SET synchronous_standby_names = '*'")
	primary.must("SELECT pg_reload_conf()")
	awaitTrue(t, "the standby is synchronous", func() bool {
		var n int
		return primary.query("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'", &n) == nil && n == 1
	})
	return standby
}

// promote makes a standby the primary, that has no standby of its own.
func (p *postgres) promote() {
	p.t.Helper()
	if out, err := p.command("pg_ctl", "promote", "--pgdata="+p.data(), "--wait").CombinedOutput(); err != nil {
		p.t.Fatalf("promote: %v\n%s", err, out)
	}
}

// must runs a statement that gives one text.
func (p *postgres) must(statement string) {
	p.t.Helper()
	if out, err := p.command("psql", "--no-psqlrc", "--host=127.0.0.1", "--port="+p.address[strings.LastIndex(p.address, ":")+1:],
		"--username=nifuda", "--dbname=postgres", "--command="+statement).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", statement, err, out)
	}
}

// awaitTrue polls until something has come about.
func awaitTrue(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.After(startLimit)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !is() {
		select {
		case <-poll.C:
		case <-limit:
			t.Fatalf("it does not come about that %s", what)
		}
	}
}

// shutDown ends the server as its operator does: it says goodbye to everyone.
func (p *postgres) shutDown() {
	p.t.Helper()
	if out, err := p.command("pg_ctl", "stop", "--pgdata="+p.data(), "--mode=fast", "--wait").CombinedOutput(); err != nil {
		p.t.Fatalf("stop: %v\n%s", err, out)
	}
	_ = p.process.Wait()
	p.process = nil
}

// TestFailoverOfPostgreSQLLosesNothing takes the primary away under a load, by a
// crash and by an orderly end, and promotes its synchronous standby by hand. The
// server knows both by one URL.
func TestFailoverOfPostgreSQLLosesNothing(t *testing.T) {
	first := startPostgres(t)
	second := makeStandby(t, first)
	database := "postgres://nifuda@" + first.address + "," + second.address + "/postgres?sslmode=disable"
	s := startServer(t, "--database", database, "--log-level", "warn")
	luck := newLuck(t)
	clock := 0
	l := newLoad(newLedger(func() int { clock++; return clock }), 4, luck)
	l.docker, l.api = newRegistryClient(t, s), ecrClient(t, s)
	if err := l.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	primary, standby := first, second
	for round := range times(2, 10) {
		var gap time.Duration
		l.workUntil(t, true, func(done <-chan struct{}) {
			l.await(t, 10+luck.IntN(20), done)
			begin := time.Now()
			if round%2 == 0 {
				primary.kill()
			} else {
				primary.shutDown()
			}
			standby.promote()
			l.await(t, 5, done)
			gap = time.Since(begin)
		})
		awaitStatus(t, s.url()+"/readyz", http.StatusOK)
		l.mustSurvive(t, l.things(), l.killed())
		t.Logf("round %d: %v from the end of the primary to the fifth change on the new one", round, gap.Round(time.Millisecond))
		primary, standby = standby, rejoin(t, primary, standby)
	}
	if l.unanswered > 0 {
		t.Errorf("%d requests got no answer", l.unanswered)
	}
	t.Logf("%d acknowledged changes", l.acknowledged())
}

// rejoin makes the old primary a standby of the new one, at its old address.
func rejoin(t *testing.T, old, primary *postgres) *postgres {
	t.Helper()
	address := old.address
	if err := os.RemoveAll(old.data()); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(primary.address, ":")
	out, err := old.command("pg_basebackup", "--pgdata="+old.data(), "--host="+host, "--port="+port, "--username=nifuda",
		"--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	old.address = address
	old.start()
	return old
}

// TestAnOutageOfPostgreSQLIsToldAsOne looks at what each front says of a database
// that does not come back.
func TestAnOutageOfPostgreSQLIsToldAsOne(t *testing.T) {
	t.Parallel()
	database := startPostgres(t)
	s := startServer(t, "--database", database.url(), "--log-level", "warn")
	createRepository(t, s, "app")
	client := newRegistryClient(t, s)
	database.kill()
	awaitStatus(t, s.url()+"/readyz", http.StatusServiceUnavailable)

	header, _, err := client.do(t.Context(), http.StatusServiceUnavailable, http.MethodGet, "/v2/app/manifests/latest", nil, nil)
	if err != nil || header.Get("Retry-After") == "" {
		t.Errorf("a pull: %v, Retry-After %q", err, header.Get("Retry-After"))
	}
	_, err = ecrClient(t, s).DescribeRepositories(t.Context(), nil)
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); !ok || answer.HTTPStatusCode() != http.StatusServiceUnavailable || answer.Response.Header.Get("Retry-After") == "" {
		t.Errorf("an API call: %v", err)
	}
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "the database is away"); n == 0 || n > 10 {
		t.Errorf("the log says %d times that the database is away", n)
	}
	database.start()
	awaitStatus(t, s.url()+"/readyz", http.StatusOK)
}
