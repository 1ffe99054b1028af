package storetest

import (
	"database/sql"
	"strings"
	"sync"
	"testing"

	"github.com/nifuda/nifuda/internal/store"
)

// urls are where the stores of this package's making are.
var urls sync.Map // *store.Store → string

// Texts returns the one column of a query, past the store, on whose database
// others may be at work.
func Texts(t testing.TB, s *store.Store, query string) (all []string) {
	t.Helper()
	url, ok := urls.Load(s)
	if !ok {
		t.Fatal("the store was not opened by storetest")
	}
	driver, source := "pgx", url.(string)
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
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

// What must be true of the rows at any moment, as queries for the exceptions.
var always = map[string]string{
	"a link that nothing refers to and that nobody will look at": `SELECT l.repository_id || ' ' || l.digest FROM repository_blobs l
		WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest)
		AND NOT EXISTS (SELECT 1 FROM deleted_image_blobs d WHERE d.repository_id = l.repository_id AND d.blob_digest = l.digest)
		AND NOT EXISTS (SELECT 1 FROM link_checks c WHERE c.repository_id = l.repository_id AND c.digest = l.digest)
		AND NOT EXISTS (SELECT 1 FROM deleted_repositories p WHERE p.repository_id = l.repository_id AND p.purging)`,
	"a blob without a link that nobody will look at": `SELECT id FROM blobs b
		WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id) AND NOT EXISTS (SELECT 1 FROM blob_checks c WHERE c.blob_id = b.id)`,
	"an image without a layer of its": `SELECT m.repository_id || ' ' || m.blob_digest FROM manifest_blobs m
		WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.repository_id = m.repository_id AND l.digest = m.blob_digest)`,
	"a deleted image without a layer of its": `SELECT m.repository_id || ' ' || m.blob_digest FROM deleted_image_blobs m
		WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.repository_id = m.repository_id AND l.digest = m.blob_digest)`,
	"a link without its blob": `SELECT l.repository_id || ' ' || l.digest FROM repository_blobs l
		WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = l.blob_id AND b.digest = l.digest)`,
	"a repository whose usage is not what it holds": `SELECT id || ': ' || kept || ' instead of ' || actual FROM (SELECT r.id,
			(SELECT COALESCE(SUM(images), 0) || ' ' || COALESCE(SUM(blobs), 0) || ' ' || COALESCE(SUM(bytes), 0) FROM repository_usage u WHERE u.repository_id = r.id) AS kept,
			(SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id) || ' ' || (SELECT COUNT(*) FROM repository_blobs l WHERE l.repository_id = r.id) || ' ' ||
				((SELECT COALESCE(SUM(size), 0) FROM manifests m WHERE m.repository_id = r.id) + (SELECT COALESCE(SUM(size), 0) FROM repository_blobs l WHERE l.repository_id = r.id)) AS actual
			FROM repositories r) AS both_of_them WHERE kept <> actual`,
	"a blob whose bytes are in the trash": `SELECT t.location FROM trash t JOIN blobs b ON b.location = t.location`,
}

// What is true as well when all was collected and nothing can be restored.
var collected = map[string]string{
	"a link that no image refers to": `SELECT l.repository_id || ' ' || l.digest FROM repository_blobs l
		WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest)`,
	"a blob without a link":  `SELECT id FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id)`,
	"a blob to look at":      `SELECT blob_id FROM blob_checks`,
	"a link to look at":      `SELECT repository_id || ' ' || digest FROM link_checks`,
	"trash":                  `SELECT location FROM trash`,
	"a deleted image":        `SELECT id FROM deleted_images`,
	"a deleted repository":   `SELECT repository_id FROM deleted_repositories`,
	"a repository of nobody": `SELECT id FROM repositories WHERE account = 'deleted'`,
}

// CheckConsistency fails the test for each row that contradicts another.
func CheckConsistency(t testing.TB, s *store.Store) {
	t.Helper()
	check(t, s, always)
}

// CheckCollected is CheckConsistency, and fails the test for each row that a
// collector should have removed.
func CheckCollected(t testing.TB, s *store.Store) {
	t.Helper()
	check(t, s, always)
	check(t, s, collected)
}

func check(t testing.TB, s *store.Store, queries map[string]string) {
	t.Helper()
	for what, query := range queries {
		if found := Texts(t, s, query); len(found) > 0 {
			t.Errorf("there is %s: %d, such as %s", what, len(found), found[0])
		}
	}
}
