package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// Of the files after this one the release before must not notice anything: it
// goes on beside them until every node is of the new one.
const lastBeforeRollingUpgrades = "0007_verify.sql"

var (
	comment   = regexp.MustCompile(`--[^\n]*`)
	newTable  = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	newIndex  = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX \w+ ON (\w+) `)
	newColumn = regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN (\w+ \w+.*)$`)
	newRows   = regexp.MustCompile(`^INSERT INTO (\w+) `)
)

// breaks says what an older node may notice of a schema file's statement. made
// are the tables that the file makes.
func breaks(statement string, made map[string]bool) string {
	if m := newTable.FindStringSubmatch(statement); m != nil {
		made[m[1]] = true
		return ""
	}
	if m := newIndex.FindStringSubmatch(statement); m != nil {
		if m[1] != "" && !made[m[2]] {
			return "refuses rows that an older node writes"
		}
		return ""
	}
	if m := newRows.FindStringSubmatch(statement); m != nil {
		if !made[m[1]] {
			return "changes rows of a table that older nodes use"
		}
		return ""
	}
	m := newColumn.FindStringSubmatch(statement)
	if m == nil {
		return "is no new table, index or column"
	}
	if column := m[1]; strings.Contains(column, "NOT NULL") && !strings.Contains(column, "DEFAULT") {
		return "an older node gives the column no value"
	} else if strings.Contains(column, "REFERENCES") || strings.Contains(column, "UNIQUE") || strings.Contains(column, "CHECK") {
		return "refuses what an older node writes"
	}
	return ""
}

func schemaStatements(text string) (all []string) {
	for one := range strings.SplitSeq(comment.ReplaceAllString(text, ""), ";") {
		if one = strings.Join(strings.Fields(one), " "); one != "" {
			all = append(all, one)
		}
	}
	return all
}

func TestNewSchemaFilesOnlyAdd(t *testing.T) {
	files, err := fs.Glob(os.DirFS("schema"), "*.sql")
	if err != nil || len(files) < 7 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		if file <= lastBeforeRollingUpgrades {
			continue
		}
		text, err := os.ReadFile(filepath.Join("schema", file))
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]bool{}
		for _, statement := range schemaStatements(string(text)) {
			if why := breaks(statement, made); why != "" {
				t.Errorf("%s: %q: %s", file, statement, why)
			}
		}
	}
	for _, bad := range []string{
		"DROP TABLE tags", "ALTER TABLE tags DROP COLUMN name", "ALTER TABLE tags RENAME TO labels", "UPDATE tags SET name = ''",
		"ALTER TABLE tags ADD COLUMN kind TEXT NOT NULL", "CREATE UNIQUE INDEX one ON tags (digest)", "DELETE FROM tags",
		"INSERT INTO tags (name) SELECT name FROM other", "ALTER TABLE tags ADD COLUMN kind TEXT REFERENCES kinds (id)",
	} {
		if breaks(bad, map[string]bool{}) == "" {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	url := storetest.PostgresURL(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A release that was rolled back, or has not arrived everywhere yet.
func TestANodeGoesOnBesideANewerSchema(t *testing.T) {
	url := storetest.PostgresURL(t)
	for _, before := range []string{"", "CREATE TABLE of_the_future (id TEXT PRIMARY KEY); INSERT INTO migrations (name) VALUES ('9999_future.sql')"} {
		if before != "" {
			if _, err := openRaw(t, url).Exec(before); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
