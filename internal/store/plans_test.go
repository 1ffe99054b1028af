package store_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// whole are the statements that may read all rows of a table or all that a
// repository has there, and why that costs nothing or cannot be otherwise.
var whole = map[string]string{
	`SELECT location, digest, size, domain, sealing FROM blobs WHERE location IS NOT NULL`: "a backup is of all blobs",
	`SELECT location, digest, size, domain, NULL FROM blobs WHERE location IS NOT NULL`:    "a backup is of all blobs",
	`SELECT id, beat FROM nodes`: "a handful of rows",
	`SELECT id, host, role, version, started_at, seen_at, beat FROM nodes ORDER BY id`: "a row for each node",
	`SELECT name, node_id FROM leases ORDER BY name`:                                   "a handful of rows",
	`SELECT id, beat FROM trash_holds ORDER BY id`:                                     "a row for each backup that runs",
	staleUploads: "no more claims than requests under way",
	`SELECT name FROM migrations ORDER BY name`:                                                          "a handful of rows",
	`SELECT COUNT(*) FROM (SELECT 1 FROM repositories LIMIT 1)`:                                          "one row",
	`SELECT COUNT(*) FROM (SELECT 1 FROM blobs WHERE id > '' AND sealing IS NULL LIMIT $1) AS found`:     "counts up to a limit",
	`SELECT 1 FROM manifests WHERE repository_id = $1 LIMIT 1`:                                           "one row",
	`SELECT COUNT(*) FROM (SELECT 1 FROM blob_checks LIMIT $1) AS found`:                                 "counts up to a limit",
	`SELECT COUNT(*), COALESCE(SUM(size), 0) FROM (SELECT size FROM trash LIMIT $1) AS found`:            "counts up to a limit",
	`SELECT COUNT(*) FROM (SELECT 1 FROM deleted_repositories LIMIT $1) AS found`:                        "counts up to a limit",
	`SELECT COUNT(*) FROM (SELECT 1 FROM deleted_images LIMIT $1) AS found`:                              "counts up to a limit",
	"SELECT COUNT(*) FROM (SELECT 1 FROM identities WHERE account = $1 AND kind = $2 LIMIT $3) AS found": "counts what it found",
	countPolicyHolders:                "counts what it found",
	store.DigestsTagged:               "looks for what tags contain, up to a limit",
	store.FoundImages:                 "twenty tags of each; and the load has no index",
	store.FoundRepositories:           "at most 64 rows of each",
	store.RepositoriesValueAscending:  "no index has how much repositories hold",
	store.RepositoriesValueDescending: "no index has how much repositories hold",
	`UPDATE deleted_repositories SET purging = $2 WHERE repository_id = $1 AND (purging OR deleted_at <= $3)`: "one row",
	`SELECT COUNT(*) FROM (SELECT 1 FROM link_checks WHERE due_at <= $1 LIMIT $2) AS found`:                   "counts up to a limit",
	`SELECT COUNT(*) FROM (SELECT 1 FROM link_checks WHERE due_at > $1 LIMIT $2) AS found`:                    "counts up to a limit",
	`SELECT c.child_digest,
		EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = c.repository_id AND m.digest = c.child_digest)
		FROM manifest_children c WHERE c.repository_id = $1 AND c.parent_digest = $2`: "the load has no index, and PostgreSQL reads an empty table in any way",
	`SELECT COUNT(DISTINCT r.id), COALESCE(SUM(u.images), 0), COALESCE(SUM(u.blobs), 0), COALESCE(SUM(u.bytes), 0)
		FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id WHERE r.account = $1`: "adds up all that an account has",
	`SELECT COALESCE(SUM(images), 0), COALESCE(SUM(blobs), 0), COALESCE(SUM(bytes), 0)
		FROM repository_usage WHERE repository_id = $1`: "at most 64 rows",
	`SELECT k.images, k.blobs, k.bytes, k.counted_at, m.images, m.bytes, l.blobs, l.bytes
		FROM (SELECT COALESCE(SUM(images), 0) AS images, COALESCE(SUM(blobs), 0) AS blobs, COALESCE(SUM(bytes), 0) AS bytes,
				COALESCE(MAX(counted_at), 0) AS counted_at FROM repository_usage WHERE repository_id = $1) AS k,
			(SELECT COUNT(*) AS images, COALESCE(SUM(size), 0) AS bytes FROM manifests WHERE repository_id = $1) AS m,
			(SELECT COUNT(*) AS blobs, COALESCE(SUM(size), 0) AS bytes FROM repository_blobs WHERE repository_id = $1) AS l`: "counts a repository",
	`SELECT l.digest, l.size, (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = l.blob_id) IS NOT NULL,
		(SELECT COUNT(*) FROM (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = l.repository_id AND m.blob_digest = l.digest LIMIT $5) AS images),
		(SELECT COUNT(*) FROM (SELECT 1 FROM repository_blobs o JOIN repositories r ON r.id = o.repository_id
			WHERE o.blob_id = l.blob_id AND o.repository_id <> l.repository_id AND r.account = $1 AND r.region = $2
			AND EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.repository_id = o.repository_id AND u.blob_digest = o.digest) LIMIT $5) AS others)
		FROM repository_blobs l WHERE l.repository_id = $3 AND l.digest IN (SELECT value FROM json_each($4))`: "counts up to a limit",
	`SELECT COUNT(DISTINCT r.id), COALESCE(SUM(u.images), 0), COALESCE(SUM(u.blobs), 0), COALESCE(SUM(u.bytes), 0)
		FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id WHERE r.account = $1 AND r.region = $2`: "adds up all that a registry has",
	`SELECT t.id, t.name, COALESCE(t.images, 0), COALESCE(t.blobs, 0), COALESCE(t.bytes, 0), COALESCE(s.shared, 0), COALESCE(s.measured_at, 0)
		FROM (SELECT r.id, r.name, SUM(u.images) AS images, SUM(u.blobs) AS blobs, SUM(u.bytes) AS bytes
			FROM repositories r LEFT JOIN repository_usage u ON u.repository_id = r.id
			WHERE r.account = $1 AND r.region = $2 GROUP BY r.id, r.name ORDER BY COALESCE(SUM(u.bytes), 0) DESC, r.name LIMIT $3) AS t
		LEFT JOIN repository_sharing s ON s.repository_id = t.id ORDER BY COALESCE(t.bytes, 0) DESC, t.name`: "adds up what each repository of a registry has",
	`SELECT l.blob_id, l.size FROM repositories r JOIN repository_blobs l ON l.repository_id = r.id WHERE r.account = $1 AND r.region = $2 LIMIT $3`: "for registries with few blobs",
	`SELECT held, shared, repeated, measured_at FROM repository_sharing WHERE repository_id = $1`:                                                    "one row",
	`SELECT CAST(COALESCE(SUM(s.held), 0) AS BIGINT), CAST(COALESCE(SUM(s.shared), 0) AS BIGINT), CAST(COALESCE(SUM(s.repeated), 0) AS BIGINT),
		COALESCE(MIN(s.measured_at), 0) FROM repositories r JOIN repository_sharing s ON s.repository_id = r.id WHERE r.account = $1 AND r.region = $2`: "a row for each repository of a registry",
	`SELECT name, pulls FROM (SELECT r.name, (SELECT CAST(SUM(p.pulls) AS BIGINT) FROM pull_counts p
			WHERE p.repository_id = r.id AND p.reference = '' AND p.day >= $3) AS pulls
		FROM repositories r WHERE r.account = $1 AND r.region = $2) AS pulled WHERE pulls > 0 ORDER BY pulls DESC, name LIMIT $4`: "a row for each day on which a repository was pulled",
	`DELETE FROM never_pulled WHERE repository_id = $1`: "at most ten rows",
	`SELECT n.repository_id, r.name, n.digest, n.pushed_at FROM never_pulled n JOIN repositories r ON r.id = n.repository_id
		WHERE n.account = $1 AND n.region = $2 AND r.account = $1 AND r.region = $2
		AND (SELECT 1 FROM manifests m WHERE m.repository_id = n.repository_id AND m.digest = n.digest) IS NOT NULL
		AND (SELECT 1 FROM pulls p WHERE p.repository_id = n.repository_id AND p.digest = n.digest) IS NULL
		ORDER BY n.pushed_at, n.repository_id, n.digest LIMIT $3`: "begins at the first row and ends at a limit",
	`SELECT name, value, updated_at FROM account_quotas WHERE account = $1 ORDER BY name`:                    "as many as there are quotas",
	`SELECT name, value, updated_at FROM repository_quotas WHERE repository_id = $1 ORDER BY name`:           "as many as there are quotas",
	`SELECT COUNT(*) FROM (SELECT 1 FROM repositories WHERE account = $1 AND region = $2 LIMIT $3) AS found`: "counts up to a limit, for a new repository",
	`SELECT COUNT(*) FROM damaged_blobs`:                                                "there are next to none",
	`SELECT key, value FROM repository_tags WHERE repository_id = $1 ORDER BY key`:      "at most 50 rows",
	`UPDATE repository_keys SET grants = $2 WHERE repository_id = $1`:                   "one row",
	`UPDATE repository_keys SET wrapped = $3 WHERE repository_id = $1 AND wrapped = $2`: "one row",
	`SELECT wrapped, context, grants FROM repository_keys WHERE repository_id = $1`:     "one row",
	`DELETE FROM deleted_repositories WHERE repository_id = $1`:                         "one row",
	`SELECT repository_id, account, region, name, actor, deleted_at FROM deleted_repositories
		WHERE repository_id = $1 AND account = $2 AND region = $3 AND name = $4 AND deleted_at > $5 AND NOT purging`: "one row",
	`SELECT repository_id, account, region, name, actor, deleted_at FROM deleted_repositories
		WHERE repository_id = $1 AND deleted_at > $2 AND NOT purging FOR UPDATE`: "one row",
	`SELECT 'setting' AS kind, name, document, principals FROM settings WHERE account = $1 AND region = $2
		UNION ALL SELECT 'repository', '', id, '' FROM repositories WHERE account = $1 AND region = $2 AND name = $3
		UNION ALL SELECT 'document', d.kind, d.document, d.principals FROM repositories r
			JOIN repository_documents d ON d.repository_id = r.id AND d.kind = 'policy' WHERE r.account = $1 AND r.region = $2 AND r.name = $3
		UNION ALL SELECT 'tag', t.key, t.value, '' FROM repositories r
			JOIN repository_tags t ON t.repository_id = r.id WHERE r.account = $1 AND r.region = $2 AND r.name = $3`: "at most 50 tags, and as many settings as a registry has",
}

const staleUploads = `SELECT id, repository_id, writer_state, updated_at, version FROM uploads
		WHERE updated_at < $1 AND NOT EXISTS (SELECT 1 FROM upload_claims WHERE upload_id = uploads.id) ORDER BY updated_at LIMIT $2`

const countPolicyHolders = `SELECT COUNT(*) FROM (SELECT 1 FROM attached_policies
		WHERE account = $1 AND policy_arn = $2 AND usage = $3 LIMIT $4) AS found`

// A statement that looks up a list may sort what it finds: there is no more of
// it than of the list.
var listed = regexp.MustCompile(`digest IN \(SELECT value FROM json_each\(\$\d\)\) ORDER BY`)

// What a statement costs must not depend on how much is stored: every statement
// reaches its rows through an index, in the order that it returns them.
func TestEveryStatementUsesAnIndex(t *testing.T) {
	load := storetest.Load{Account: account, Region: region, Repository: "app", Images: 3000, Repositories: 1000, Users: 3000}
	t.Run("sqlite", func(t *testing.T) {
		database := "sqlite:" + t.TempDir() + "/nifuda.db"
		checkPlans(t, load, database, sqlitePlan)
	})
	t.Run("postgres", func(t *testing.T) {
		checkPlans(t, load, storetest.PostgresURL(t), postgresPlan)
	})
}

// A planner returns what is wrong with the plan of a statement.
type planner func(t *testing.T, db *sql.DB, statement string) (problems []string)

func checkPlans(t *testing.T, load storetest.Load, database string, plan planner) {
	t.Helper()
	if err := load.Into(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, database)
	deleteAll(t, db, !strings.HasPrefix(database, "sqlite:"))
	unused := map[string]bool{}
	for text := range whole {
		unused[text] = true
	}
	for place, text := range statements(t) {
		if _, may := whole[text]; may {
			delete(unused, text)
			continue
		}
		for _, problem := range plan(t, db, text) {
			t.Errorf("%s: %s\n%s", place, problem, text)
		}
	}
	for text := range unused {
		t.Errorf("there is no such statement any more: %s", text)
	}
	// A test that finds nothing may be blind.
	for _, bad := range []string{
		`SELECT name FROM tags WHERE updated_at = $1`,
		`SELECT digest FROM manifests WHERE repository_id = $1 AND size = $2`,
		`SELECT digest FROM manifests WHERE repository_id = $1 AND digest > $2 ORDER BY size`,
	} {
		if plan(t, db, bad) == nil {
			t.Errorf("the plan of a statement without an index passed: %s", bad)
		}
	}
}

// deleteAll adds to a load as many deleted images as it has images, with the same
// blobs and tags, and as much trash as it has blobs. SQLite is told of its tables by the store, PostgreSQL looks.
func deleteAll(t *testing.T, db *sql.DB, analyze bool) {
	t.Helper()
	statements := []string{
		`INSERT INTO deleted_images (id, repository_id, digest, media_type, artifact_type, image_size, pushed_at, actor, deleted_at, payload)
			SELECT digest, repository_id, digest, media_type, artifact_type, image_size, pushed_at, '', pushed_at, payload FROM manifests`,
		`INSERT INTO deleted_image_blobs (deletion_id, repository_id, blob_digest) SELECT manifest_digest, repository_id, blob_digest FROM manifest_blobs`,
		`INSERT INTO deleted_image_tags (deletion_id, repository_id, name) SELECT digest, repository_id, name FROM tags`,
		`INSERT INTO trash (location, size, delete_after) SELECT id, size, created_at FROM blobs`,
		`INSERT INTO ended_uploads (id, ended_at) SELECT id, created_at FROM blobs`,
	}
	if analyze {
		statements = append(statements, `ANALYZE`)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func openRaw(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, source := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // settings of the session stay
	t.Cleanup(func() { db.Close() })
	return db
}

// A row source of SQLite's plan: a real table read from its first row on.
var sqliteScan = regexp.MustCompile(`^SCAN \w+( USING (COVERING )?INDEX \w+)?$`)

// A search that the repository alone narrows.
var onlyRepository = regexp.MustCompile(`\((repository_id|account)=\?( AND region=\?)?\)$`)

func sqlitePlan(t *testing.T, db *sql.DB, statement string) (problems []string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+store.SQLiteText(statement), make([]any, parameters(statement))...)
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if sqliteScan.MatchString(detail) || onlyRepository.MatchString(detail) ||
			strings.Contains(detail, "TEMP B-TREE") || strings.Contains(detail, "AUTOMATIC") {
			problems = append(problems, detail)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return problems
}

// A node of PostgreSQL's plan.
type node struct {
	Type      string `json:"Node Type"`
	Relation  string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	Condition string `json:"Index Cond"`
	Children  []node `json:"Plans"`
}

var onlyRepositoryCondition = regexp.MustCompile(`^\((repository_id|account) = [^()]*\)$`)

// postgresPlan looks at the plan that holds for all parameters, with the scans
// of whole tables made dear: small tables would be read that way.
func postgresPlan(t *testing.T, db *sql.DB, statement string) (problems []string) {
	t.Helper()
	for _, setting := range []string{"SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan", "SET random_page_cost = 1.1"} {
		if _, err := db.Exec(setting); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("PREPARE p AS " + statement); err != nil {
		return []string{err.Error()}
	}
	defer db.Exec("DEALLOCATE p") //nolint:errcheck // a failure shows at the next PREPARE
	execute := "p"
	if n := parameters(statement); n > 0 {
		execute += "(" + strings.Join(slices.Repeat([]string{"NULL"}, n), ",") + ")"
	}
	var text []byte
	if err := db.QueryRow("EXPLAIN (FORMAT JSON) EXECUTE " + execute).Scan(&text); err != nil {
		return []string{err.Error()}
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		problems = append(problems, p.Plan.problems(listed.MatchString(statement))...)
	}
	return problems
}

func (n node) problems(maySort bool) (problems []string) {
	switch n.Type {
	case "Sort", "Incremental Sort":
		if !maySort {
			problems = append(problems, n.Type)
		}
	case "Seq Scan":
		problems = append(problems, n.Type+" of "+n.Relation)
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
		if n.Condition == "" || onlyRepositoryCondition.MatchString(n.Condition) {
			problems = append(problems, fmt.Sprintf("%s of %s with the condition %q", n.Type, n.Index, n.Condition))
		}
	}
	for _, child := range n.Children {
		problems = append(problems, child.problems(maySort)...)
	}
	return problems
}

// Databases look for the rows that refer to one that goes. No plan of a
// statement shows how: here it is spelled out.
func TestEveryReferenceHasAnIndex(t *testing.T) {
	database := "sqlite:" + t.TempDir() + "/nifuda.db"
	if err := (storetest.Load{Repository: "app"}).Into(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, database)
	checked := 0
	for _, table := range texts(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`) {
		for _, condition := range texts(t, db, `SELECT group_concat("from" || ' = $' || (seq+1), ' AND ')
			FROM (SELECT * FROM pragma_foreign_key_list($1) ORDER BY id, seq) GROUP BY id`, table) {
			checked++
			if !strings.Contains(condition, "AND") {
				continue // whatever refers to a repository goes with it
			}
			for _, statement := range []string{"SELECT 1 FROM " + table + " WHERE " + condition, "DELETE FROM " + table + " WHERE " + condition} {
				for _, problem := range sqlitePlan(t, db, statement) {
					t.Errorf("%s: %s", statement, problem)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("found %d references only", checked)
	}
}

func texts(t *testing.T, db *sql.DB, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.Query(query, args...)
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
