// Package storetest opens the databases that tests run on: what must hold on
// one of them must hold on both.
package storetest

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/store"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// server that tests may fill.
const PostgresVariable = "NIFUDA_TEST_POSTGRES"

// Each runs test on an empty database of each kind. Without a PostgreSQL server
// that part is skipped, and under CI=true it fails.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite opens an empty SQLite database.
func SQLite(t testing.TB) *store.Store {
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "nifuda.db"))
}

// Postgres opens an empty PostgreSQL schema, which the end of the test drops.
func Postgres(t testing.TB) *store.Store {
	return open(t, PostgresURL(t))
}

// PostgresURL returns the URL of an empty PostgreSQL schema.
func PostgresURL(t testing.TB) string {
	server := os.Getenv(PostgresVariable)
	if server == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: the tests need a PostgreSQL server (make test starts one)", PostgresVariable)
		}
		t.Skipf("%s is not set", PostgresVariable)
	}
	schema := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, url string) *store.Store {
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	urls.Store(s, url)
	t.Cleanup(func() {
		urls.Delete(s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
