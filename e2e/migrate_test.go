package e2e_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A home is a kind of place where an installation can be.
type home struct {
	name string
	// database and blobs return where they are, or "" for the data directory.
	database func(t *testing.T) string
	blobs    string
}

// homes are there and back, between all kinds that can be tried here.
func homes(b bucket) []home {
	inside := func(*testing.T) string { return "" }
	return []home{
		{"sqlite and files", inside, ""},
		{"postgres and a bucket", newDatabase, b.target()},
		{"sqlite and a bucket", inside, strings.Replace(b.target(), "/nifuda?", "/other?", 1)},
		{"sqlite and files again", inside, ""},
	}
}

// at returns a server in a home, which is not started.
func (h home) at(t *testing.T, b bucket) *server {
	t.Helper()
	s := newServer(t, t.TempDir())
	s.env = b.env
	if database := h.database(t); database != "" {
		s.args = append(s.args, "--database", database)
	}
	if h.blobs != "" {
		s.args = append(s.args, "--blobs", h.blobs)
	}
	return s
}

// setting returns the value of a flag of a server, or another value.
func (s *server) setting(flag, otherwise string) string {
	if at := slices.Index(s.args, flag); at >= 0 {
		return s.args[at+1]
	}
	return otherwise
}

// migrate moves a server to the place of another one.
func (s *server) migrate(t *testing.T, to *server, args ...string) command {
	t.Helper()
	c := s.offline(t, slices.Concat([]string{
		"migrate",
		"--to", to.setting("--database", "sqlite:"+filepath.Join(to.data(), "nifuda.db")),
		"--to-blobs", to.setting("--blobs", "file:"+filepath.Join(to.data(), "blobs")),
	}, args)...)
	c.env = s.env
	return c
}

// TestMigrationThereAndBack moves a registry from home to home while clients push
// and delete: whatever was acknowledged before the server became read-only is
// there afterwards.
func TestMigrationThereAndBack(t *testing.T) {
	t.Parallel()
	b := startBucket(t)
	all := homes(b)
	s := all[0].at(t, b)
	s.args = append(s.args, "--seal", "off")
	s.start()
	createRepository(t, s, "app")
	client := &pushing{registryClient: newRegistryClient(t, s), images: map[string]image{}}
	plain := newImage(t, "amd64", 200<<10)
	if err := client.push(t.Context(), "app", "plain", plain); err != nil { // its layer is not sealed
		t.Fatal(err)
	}
	client.images["plain"] = plain
	s.stop()
	s.args = s.args[:len(s.args)-2]
	s.start()
	s.aws(t, "ecr", "create-repository", "--repository-name", "secret", "--encryption-configuration", "encryptionType=KMS").run(t)
	secret := newImage(t, "amd64", 300<<10)
	if err := newRegistryClient(t, s).push(t.Context(), "secret", "v1", secret); err != nil {
		t.Fatal(err)
	}
	s.aws(t, "iam", "create-user", "--user-name", "alice").run(t)

	for hop, next := range all[1:] {
		client.registryClient = newRegistryClient(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		for i := range 2 {
			// Of tags of its own: a push that is broken off may have been taken.
			work.Go(func() { client.run(ctx, t, 2*hop+i) })
		}
		await(t, "some images", client.enough)
		target := next.at(t, b)
		s.migrate(t, target).prints(t, "The source may go on")
		s.migrate(t, target, "--finish").says(t, "restart that with --read-only on")
		target.launch()
		if err := target.awaitExit(); err == nil {
			t.Error("a server starts on a target that is not finished")
		}
		cancel()
		work.Wait()
		s.stop()
		s.args = append(s.args, "--read-only", "on")
		s.start()
		mustNotChange(t, s, func() { mustBeReadOnly(t, s) })
		out := s.migrate(t, target, "--finish", "--verify").run(t)
		if !strings.Contains(out, "The move is complete") {
			t.Errorf("the last pass says %s", out)
		}
		s.stop()

		copyKeys(t, target, s)
		target.start()
		s = target
		docker := newRegistryClient(t, s)
		for tag, img := range client.known() {
			if err := docker.verify(t.Context(), "app", tag, img); err != nil {
				t.Errorf("%s: acknowledged before the move: %v", next.name, err)
			}
		}
		if err := docker.verify(t.Context(), "secret", "v1", secret); err != nil {
			t.Errorf("%s: of a repository with a KMS key: %v", next.name, err)
		}
		s.aws(t, "iam", "get-user", "--user-name", "alice").prints(t, "alice")
		s.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")
		checkDatabase(t, s)
	}
}

// mustBeReadOnly fails the test unless a server gives all and takes nothing.
func mustBeReadOnly(t *testing.T, s *server) {
	t.Helper()
	docker := newRegistryClient(t, s)
	if err := docker.pullWhole(t.Context(), "plain"); err != nil {
		t.Errorf("a pull from a read-only server: %v", err)
	}
	header, body, err := docker.do(t.Context(), http.StatusServiceUnavailable, http.MethodPost, "/v2/app/blobs/uploads/", nil, nil)
	if err != nil || header.Get("Retry-After") == "" {
		t.Errorf("a push to a read-only server: %v, %v, %s", err, header, body)
	}
	s.aws(t, "ecr", "describe-images", "--repository-name", "app").run(t)
	s.aws(t, "sts", "get-caller-identity").run(t)
	for _, args := range [][]string{{"ecr", "create-repository", "--repository-name", "late"}, {"iam", "create-user", "--user-name", "late"}, {"sts", "get-session-token"}} {
		c := s.aws(t, args...)
		c.env = append(c.env, "AWS_MAX_ATTEMPTS=1")
		c.says(t, "takes no changes for some minutes")
	}
}

// mustNotChange fails the test unless do leaves every row of an SQLite database
// as it is.
func mustNotChange(t *testing.T, s *server, do func()) {
	t.Helper()
	if s.setting("--database", "") != "" {
		do()
		return
	}
	before := allRows(t, s)
	do()
	for table, after := range allRows(t, s) {
		if after != before[table] {
			t.Errorf("a read-only server has changed the table %s: it was\n%s\nand is\n%s", table, before[table], after)
		}
	}
}

// allRows are the rows of each table as text.
func allRows(t *testing.T, s *server) map[string]string {
	t.Helper()
	db := openDatabase(t, s)
	all := map[string]string{}
	for _, table := range texts(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`) {
		columns := strings.Join(texts(t, db, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`), ` || ',' || `)
		all[table] = strings.Join(texts(t, db, `SELECT `+columns+` FROM "`+table+`" ORDER BY 1`), "\n")
	}
	return all
}

func texts(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// awaitExit waits for the end of a server that refuses to start.
func (s *server) awaitExit() error {
	p := s.process
	s.process = nil
	select {
	case <-p.exited:
		return p.err
	case <-time.After(startLimit):
		return os.ErrDeadlineExceeded
	}
}

// TestAMigrationThatIsKilled kills passes after longer and longer times, until one
// comes to its end: the target is refused by servers or complete, never between.
func TestAMigrationThatIsKilled(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	client := newRegistryClient(t, s)
	images := map[string]image{}
	for _, tag := range []string{"a", "b", "c", "d"} {
		images[tag] = newImage(t, "amd64", 3<<20, 200<<10, 100<<10)
		if err := client.push(t.Context(), "app", tag, images[tag]); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	target := newServer(t, t.TempDir())
	killed := 0
	for patience := 5 * time.Millisecond; ; patience += patience / 3 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c := s.migrate(t, target, "--finish", "--parallel", "1")
		pass := exec.CommandContext(ctx, c.args[0], c.args[1:]...) // which SIGKILL ends
		pass.Dir = s.directory
		out, err := pass.CombinedOutput()
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			t.Fatalf("after %d kills: %v: %s", killed, err, out)
		}
		killed++
		if _, err := os.Stat(filepath.Join(target.data(), "nifuda.db")); err != nil {
			continue // it had not begun
		}
		target.launch()
		if err := target.awaitExit(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a server on what kill %d left: %v", killed, err)
		}
	}
	if killed < 3 {
		t.Errorf("only %d passes were killed", killed)
	}
	copyKeys(t, target, s)
	target.start()
	client = newRegistryClient(t, target)
	for tag, img := range images {
		if err := client.verify(t.Context(), "app", tag, img); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
	target.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")
}

// TestBackupOfABucket backs up a server whose blobs are in a bucket, restores it
// into another bucket and into files, and recovers layers from the bucket alone.
func TestBackupOfABucket(t *testing.T) {
	t.Parallel()
	b := startBucket(t)
	s := b.newServerOn(t, "")
	s.start()
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 20<<20, 100<<10)
	if err := newRegistryClient(t, s).push(t.Context(), "app", "v1", img); err != nil {
		t.Fatal(err)
	}
	backups := t.TempDir()
	b.owning(s.offline(t, "backup", backups)).prints(t, "2 blobs in files")
	s.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")

	files := newServer(t, t.TempDir())
	other := newServer(t, t.TempDir(), "--blobs", strings.Replace(b.target(), "/nifuda?", "/restored?", 1))
	other.env = b.env
	for _, restored := range []*server{files, other} {
		copyKeys(t, restored, s)
		b.owning(restored.offline(t, "restore", backups)).prints(t, " 0 damaged.")
		restored.start()
		if err := newRegistryClient(t, restored).verify(t.Context(), "app", "v1", img); err != nil {
			t.Error(err)
		}
		restored.nifuda(t, "verify", "--rate", "0").prints(t, "Nothing is damaged")
	}

	s.stop()
	lost, err := filepath.Glob(filepath.Join(s.data(), "nifuda.db*"))
	if err != nil || lost == nil {
		t.Fatal(lost, err)
	}
	for _, name := range lost {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	b.owning(s.offline(t, "restore", "--blobs-only", "--repository", "app")).prints(t, "Recovered 2 layers")
	b.owning(s.offline(t, "restore", "--blobs-only", "--repository", "app")).prints(t, "Recovered 0 layers (0 bytes), known before: 2.")
}

// TestDockerOutwaitsAMove pushes to a server that is read-only, and takes changes
// again after a while: docker heals that by itself.
func TestDockerOutwaitsAMove(t *testing.T) {
	docker := newDockerClient(t)
	s := startServer(t)
	docker.signIn(t, s)
	createRepository(t, s, "app")
	name := s.address + "/app:v1"
	docker.build(t, name)
	s.stop()
	s.args = append(s.args, "--read-only", "on")
	s.start()
	pushed := make(chan error, 1)
	go func() {
		_, stderr, err := docker.docker("push", name).output(t)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, stderr)
		}
		pushed <- err
	}()
	await(t, "a refusal", func() bool { return strings.Contains(string(readFile(t, s.logFile())), "status=503") })
	s.stop()
	s.args = s.args[:len(s.args)-2]
	s.start()
	if err := <-pushed; err != nil {
		t.Errorf("a push that met a read-only server: %v", err)
	}
}
