package e2e_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// newDatabase makes an empty PostgreSQL database for the test and returns its
// address. scripts/with-postgres provides the server.
func newDatabase(t *testing.T) string {
	t.Helper()
	address := os.Getenv("NIFUDA_TEST_POSTGRES")
	need(t, address != "", "PostgreSQL: run the tests under scripts/with-postgres, or set NIFUDA_TEST_POSTGRES")
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())

	name := "e2e_" + strings.ToLower(rand.Text())
	if _, err := connection.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	database, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	database.Path = "/" + name
	return database.String()
}

// onEachDatabase runs the test on SQLite and on PostgreSQL. The arguments are
// what tells a server to use it.
func onEachDatabase(t *testing.T, test func(t *testing.T, args ...string)) {
	t.Run("SQLite", func(t *testing.T) { test(t) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, "--database", newDatabase(t)) })
}
