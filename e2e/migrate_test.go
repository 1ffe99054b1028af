package e2e_test

import (
	"context"
	"net/http"
	"os"
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
	blobs    func(t *testing.T) string
}

// homes are all kinds that can be tried here.
func homes() []home {
	inside := func(*testing.T) string { return "" }
	all := []home{{"sqlite and files", inside, inside}}
	if os.Getenv("NIFUDA_TEST_POSTGRES") != "" {
		all = append(all, home{"postgres and files", newDatabase, inside})
	}
	return append(all, home{"sqlite and files again", inside, inside})
}

// at returns a server in a home, which is not started.
func (h home) at(t *testing.T) *server {
	t.Helper()
	s := newServer(t, t.TempDir())
	if database := h.database(t); database != "" {
		s.args = append(s.args, "--database", database)
	}
	if blobs := h.blobs(t); blobs != "" {
		s.args = append(s.args, "--blobs", blobs)
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
	return s.offline(t, slices.Concat([]string{
		"migrate",
		"--to", to.setting("--database", "sqlite:"+filepath.Join(to.data(), "nifuda.db")),
		"--to-blobs", to.setting("--blobs", "file:"+filepath.Join(to.data(), "blobs")),
	}, args)...)
}

// TestMigrationThereAndBack moves a registry from home to home while clients push
// and delete: whatever was acknowledged before the server became read-only is
// there afterwards.
func TestMigrationThereAndBack(t *testing.T) {
	all := homes()
	s := all[0].at(t)
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

	for _, next := range all[1:] {
		client.registryClient = newRegistryClient(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		for i := range 2 {
			work.Go(func() { client.run(ctx, t, i) })
		}
		await(t, "some images", client.enough)
		target := next.at(t)
		s.migrate(t, target).prints(t, "The source may go on")
		if s.setting("--database", "") == "" {
			s.migrate(t, target, "--finish").says(t, "restart that with --read-only on")
		}
		target.launch()
		if err := target.awaitExit(); err == nil {
			t.Error("a server starts on a target that is not finished")
		}
		cancel()
		work.Wait()
		s.stop()
		s.args = append(s.args, "--read-only", "on")
		s.start()
		mustBeReadOnly(t, s)
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
	for _, args := range [][]string{{"ecr", "create-repository", "--repository-name", "late"}, {"iam", "create-user", "--user-name", "late"}} {
		c := s.aws(t, args...)
		c.env = append(c.env, "AWS_MAX_ATTEMPTS=1")
		c.says(t, "takes no changes for some minutes")
	}
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
