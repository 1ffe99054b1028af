package e2e_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// consistency holds queries that count what must not be in a database, beyond
// what its own constraints keep out.
var consistency = map[string]string{
	"tags that point elsewhere than their history says": `
		SELECT COUNT(*) FROM tags t WHERE NOT EXISTS (
			SELECT 1 FROM tag_history h WHERE h.repository_id = t.repository_id AND h.name = t.name AND h.digest = t.digest
			AND h.seq = (SELECT MAX(seq) FROM tag_history n WHERE n.repository_id = t.repository_id AND n.name = t.name))`,
	"removed tags whose history says that they are there": `
		SELECT COUNT(*) FROM tag_history h WHERE h.digest IS NOT NULL
			AND h.seq = (SELECT MAX(seq) FROM tag_history n WHERE n.repository_id = h.repository_id AND n.name = h.name)
			AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = h.repository_id AND t.name = h.name)`,
	"images without tags that are not listed as such, or the reverse": `
		SELECT COUNT(*) FROM manifests m WHERE
			EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
			= EXISTS (SELECT 1 FROM untagged u WHERE u.repository_id = m.repository_id AND u.digest = m.digest)`,
}

// checkDatabase looks into the database of a server for what no client can see.
func checkDatabase(t *testing.T, s *server) {
	t.Helper()
	db := openDatabase(t, s)
	for what, query := range consistency {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Errorf("%s: %v", what, err)
		} else if n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	if slices.Contains(s.args, "--database") {
		return
	}
	for _, check := range []string{"PRAGMA integrity_check", "SELECT COALESCE(MAX('a broken reference from ' || \"table\"), 'ok') FROM pragma_foreign_key_check"} {
		var answer string
		if err := db.QueryRowContext(t.Context(), check).Scan(&answer); err != nil || answer != "ok" {
			t.Errorf("%s: %s, %v", check, answer, err)
		}
	}
}

func openDatabase(t *testing.T, s *server) *sql.DB {
	t.Helper()
	driver, address := "sqlite", "file:"+filepath.Join(s.data(), "nifuda.db")+"?mode=ro&_pragma=busy_timeout(10000)"
	if at := slices.Index(s.args, "--database"); at >= 0 {
		driver, address = "pgx", s.args[at+1]
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// awaitBackendsGone waits until PostgreSQL has noticed that the server which was
// connected to a database is dead: until then it may still commit what that one
// sent.
func awaitBackendsGone(t *testing.T, database string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		var others int
		err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND backend_type = 'client backend'`).Scan(&others)
		if err != nil && !strings.Contains(err.Error(), "starting up") {
			t.Fatalf("wait for PostgreSQL: %v", err)
		}
		if err == nil && others == 0 {
			return
		}
		<-poll.C
	}
}

// leftovers are queries that count what a collection of everything must not
// leave.
var leftovers = map[string]string{
	"links that no image needs": `
		SELECT COUNT(*) FROM repository_blobs l WHERE NOT EXISTS (
			SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest)`,
	"blobs without a link":                   `SELECT COUNT(*) FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id)`,
	"locations in the trash":                 `SELECT COUNT(*) FROM trash`,
	"deleted images":                         `SELECT COUNT(*) FROM deleted_images`,
	"deleted repositories":                   `SELECT COUNT(*) FROM deleted_repositories`,
	"repositories that belong to no account": `SELECT COUNT(*) FROM repositories WHERE account = 'deleted'`,
	"links to look at":                       `SELECT COUNT(*) FROM link_checks`,
	"blobs to look at":                       `SELECT COUNT(*) FROM blob_checks`,
}

// mustLeaveNothing fails the test when something is left that is of no use, after
// a server which keeps nothing that was deleted has collected.
func mustLeaveNothing(t *testing.T, s *server) {
	t.Helper()
	db := openDatabase(t, s)
	for what, query := range leftovers {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Errorf("%s: %v", what, err)
		} else if n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
