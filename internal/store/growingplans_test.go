package store_test

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/store/storetest"
)

// growing are the tables that have a row for each image or blob.
var growing = []string{
	"manifests", "manifest_blobs", "blobs", "repository_blobs", "tags", "untagged", "tag_history", "events",
	"link_checks", "deleted_images", "deleted_image_blobs", "deleted_image_tags", "trash",
}

// What TestEveryStatementUsesAnIndex makes PostgreSQL do it has to choose by
// itself, knowing how much there is: 20,000 images in 151 repositories.
func TestPostgreSQLChoosesToScanNoTableThatGrows(t *testing.T) {
	database := storetest.PostgresURL(t)
	load := storetest.Load{Account: account, Region: region, Repository: "app", Images: 5000, Repositories: 150, Each: 100}
	if err := load.Into(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, database)
	deleteAll(t, db, true)
	if _, err := db.Exec("SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	for place, text := range statements(t) {
		if _, may := whole[text]; may {
			continue
		}
		for _, table := range scanned(t, db, text) {
			if slices.Contains(growing, table) {
				t.Errorf("%s: reads all of %s\n%s", place, table, text)
			}
		}
	}
	if got := scanned(t, db, `SELECT name FROM tags WHERE updated_at = $1`); !slices.Equal(got, []string{"tags"}) {
		t.Errorf("a statement without an index scans %v", got)
	}
}

// scanned returns the tables that the generic plan of a statement reads whole.
func scanned(t *testing.T, db *sql.DB, statement string) (tables []string) {
	t.Helper()
	if _, err := db.Exec("PREPARE p AS " + statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer db.Exec("DEALLOCATE p") //nolint:errcheck // a failure shows at the next PREPARE
	execute := "p"
	if n := parameters(statement); n > 0 {
		execute += "(" + strings.Join(slices.Repeat([]string{"NULL"}, n), ",") + ")"
	}
	var text []byte
	if err := db.QueryRow("EXPLAIN (FORMAT JSON) EXECUTE " + execute).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		tables = append(tables, p.Plan.scans()...)
	}
	return tables
}

func (n node) scans() (tables []string) {
	if n.Type == "Seq Scan" {
		tables = append(tables, n.Relation)
	}
	for _, child := range n.Children {
		tables = append(tables, child.scans()...)
	}
	return tables
}
