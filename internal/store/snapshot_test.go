package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A dumped is a dump in memory.
type dumped map[string][][]any

func takeDump(t *testing.T, url string) (store.Dump, dumped) {
	t.Helper()
	s, err := store.OpenSnapshot(t.Context(), url, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all := dumped{}
	for _, table := range s.Tables() {
		err := s.Rows(t.Context(), table, func(row []any) error {
			all[table.Name] = append(all[table.Name], slices.Clone(row))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(all[table.Name], func(a, b []any) int { return slices.Compare([]byte(fmt.Sprint(a...)), []byte(fmt.Sprint(b...))) })
	}
	return store.Dump{Schema: s.Schema(), Tables: s.Tables(), Open: all.open}, all
}

func (d dumped) open(t store.Table) (func() ([]any, error), func() error, error) {
	left := d[t.Name]
	next := func() ([]any, error) {
		if len(left) == 0 {
			return nil, io.EOF
		}
		row := left[0]
		left = left[1:]
		return row, nil
	}
	return next, func() error { return nil }, nil
}

func sqliteURL(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "nifuda.db") }

// fill makes a database with rows in most tables.
func fill(t *testing.T, url string) {
	t.Helper()
	load := storetest.Load{Account: account, Region: region, Repository: "app", Images: 700, Repositories: 20, Users: 50}
	if err := load.Into(t.Context(), url); err != nil {
		t.Fatal(err)
	}
}

func TestADumpOfOneDatabaseLoadsIntoTheOther(t *testing.T) {
	first := sqliteURL(t)
	fill(t, first)
	dump, rows := takeDump(t, first)
	if len(rows["manifests"]) < 700 {
		t.Fatalf("the dump has %d manifests", len(rows["manifests"]))
	}
	for _, next := range []string{storetest.PostgresURL(t), sqliteURL(t)} {
		if err := store.Load(t.Context(), next, dump); err != nil {
			t.Fatal(err)
		}
		var again dumped
		if dump, again = takeDump(t, next); !cmp.Equal(rows, again) {
			t.Error(cmp.Diff(rows, again))
		}
		s, err := store.Open(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASnapshotHasEveryTable(t *testing.T) {
	url := sqliteURL(t)
	fill(t, url)
	dump, _ := takeDump(t, url)
	want := texts(t, openRaw(t, url), `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
		AND name NOT IN ('migrations', 'uploads', 'trash', 'progress', 'nodes', 'leases', 'upload_claims', 'ended_uploads', 'trash_holds')`)
	var got []string
	for _, table := range dump.Tables {
		got = append(got, table.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASnapshotReadsWhileTheServerWrites(t *testing.T) {
	url := sqliteURL(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	addRepository(t, s, "before")
	snapshot, err := store.OpenSnapshot(t.Context(), url, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	addRepository(t, s, "after")
	names := 0
	for _, table := range snapshot.Tables() {
		if table.Name != "repositories" {
			continue
		}
		if err := snapshot.Rows(t.Context(), table, func([]any) error { names++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if names != 1 {
		t.Errorf("the snapshot has %d repositories", names)
	}
}

func TestLoadRefusesWhatIsNotEmpty(t *testing.T) {
	source := sqliteURL(t)
	fill(t, source)
	dump, _ := takeDump(t, source)
	for _, url := range []string{source, postgresWithData(t)} {
		if url == "" {
			continue
		}
		if err := store.Empty(t.Context(), url); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("Empty says %v", err)
		}
		if err := store.Load(t.Context(), url, dump); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("Load says %v", err)
		}
	}
}

func postgresWithData(t *testing.T) string {
	if os.Getenv(storetest.PostgresVariable) == "" {
		return ""
	}
	url := storetest.PostgresURL(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestALoadThatFailsLeavesNothing(t *testing.T) {
	source := sqliteURL(t)
	fill(t, source)
	dump, _ := takeDump(t, source)
	broken := errors.New("broken")
	whole := dump.Open
	dump.Open = func(table store.Table) (func() ([]any, error), func() error, error) {
		if table.Name == "tags" {
			return nil, nil, broken
		}
		return whole(table)
	}
	urls := []string{sqliteURL(t)}
	if os.Getenv(storetest.PostgresVariable) != "" {
		urls = append(urls, storetest.PostgresURL(t))
	}
	for _, url := range urls {
		if err := store.Load(t.Context(), url, dump); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if err := store.Empty(t.Context(), url); err != nil {
			t.Error(err)
		}
	}
}

func TestADumpOfAnotherVersion(t *testing.T) {
	source := sqliteURL(t)
	fill(t, source)
	dump, _ := takeDump(t, source)
	newer := dump
	newer.Schema = append(slices.Clone(dump.Schema), "9999_future.sql")
	if err := store.Load(t.Context(), sqliteURL(t), newer); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("a newer dump: %v", err)
	}
}
