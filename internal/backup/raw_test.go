package backup_test

import (
	"database/sql"
	"strings"
	"testing"
)

// raw runs a statement past the store.
func raw(t *testing.T, database, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:")+"?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
