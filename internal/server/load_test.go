package server

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/store/storetest"
)

// What is measured on a load says something about what pushes make only if both
// are the same.
func TestLoadIsWhatPushesLeaveBehind(t *testing.T) {
	load := storetest.Load{Images: 40, Repositories: 3}
	for name, database := range map[string]func(testing.TB) (empty, loaded string){
		"sqlite":   func(tb testing.TB) (string, string) { return sqliteURL(tb), sqliteURL(tb) },
		"postgres": func(tb testing.TB) (string, string) { return storetest.PostgresURL(tb), storetest.PostgresURL(tb) },
	} {
		t.Run(name, func(t *testing.T) {
			pushed, loaded := database(t)
			f := newFixture(t, load, loaded)
			pushAll(t, pushed, f.load)
			got, want := dump(t, loaded), dump(t, pushed)
			for table := range want {
				if diff := cmp.Diff(want[table], got[table]); diff != "" {
					t.Errorf("%s: pushes leave -, the load +\n%s", table, diff)
				}
			}
			for _, table := range []string{"blobs", "manifests", "tags", "untagged", "tag_history", "events"} {
				if len(want[table]) == 0 {
					t.Errorf("the pushes left nothing in %s", table)
				}
			}
		})
	}
}

func sqliteURL(tb testing.TB) string { return "sqlite:" + tb.TempDir() + "/nifuda.db" }

// pushAll pushes the images of a load over the wire.
func pushAll(t *testing.T, database string, load storetest.Load) {
	t.Helper()
	f := newUnsealedServer(t, database)
	for i := range load.Repositories + 1 {
		name := load.Repository
		if i > 0 {
			name = load.RepositoryName(i - 1)
		}
		f.send(f.api("CreateRepository", map[string]any{"repositoryName": name}), http.StatusOK)
	}
	for i := range load.Images {
		f.push(load.Repository, load.Image(i))
	}
}

// push uploads each blob in one request, and then the manifest.
func (f *fixture) push(repository string, image storetest.LoadedImage) {
	f.tb.Helper()
	for _, blob := range [][]byte{image.SharedLayer, image.Config, image.Layer} {
		f.send(f.v2("POST", "/v2/"+repository+"/blobs/uploads/?digest="+url.QueryEscape(digest.FromBytes(blob).String()), blob), http.StatusCreated)
	}
	reference := image.Tag
	if reference == "" {
		reference = image.Digest
	}
	r := f.v2("PUT", "/v2/"+repository+"/manifests/"+reference, image.Manifest)
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	f.send(r, http.StatusCreated)
}

// dump returns the rows of all tables, sorted, with times and ids replaced by
// what they stand for.
func dump(t *testing.T, database string) map[string][]string {
	t.Helper()
	driver, source := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := map[string]string{}
	for _, query := range []string{"SELECT id, name FROM repositories", "SELECT id, digest FROM blobs"} {
		for _, row := range rows(t, db, query) {
			names[row["id"]] = row["name"] + row["digest"]
		}
	}
	tables := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if driver == "pgx" {
		tables = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	all := map[string][]string{}
	for _, table := range rows(t, db, tables) {
		name := table["name"]
		if name == "nodes" || name == "leases" || name == "secrets" { // of the server, not of what it holds
			continue
		}
		if name == "repository_usage" { // a load is not counted before the first recount
			continue
		}
		for _, row := range rows(t, db, "SELECT * FROM "+name) {
			all[name] = append(all[name], describeRow(name, row, names))
		}
		slices.Sort(all[name])
	}
	return all
}

func describeRow(table string, row, names map[string]string) string {
	var columns []string
	for column, value := range row {
		switch {
		case strings.HasSuffix(column, "_at"), column == "at", column == "id" && table == "events":
			value = "…"
		case table == "progress" && column == "state":
			value = "…" // random, or a time
		case names[value] != "":
			value = "id of " + names[value]
		}
		columns = append(columns, column+"="+value)
	}
	slices.Sort(columns)
	return strings.Join(columns, " ")
}

func rows(t *testing.T, db *sql.DB, query string) (all []map[string]string) {
	t.Helper()
	found, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values, row := make([]any, len(columns)), map[string]string{}
		for i := range values {
			values[i] = new(any)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, column := range columns {
			value := *values[i].(*any)
			if text, ok := value.([]byte); ok {
				value = string(text)
			}
			row[column] = fmt.Sprint(value)
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
