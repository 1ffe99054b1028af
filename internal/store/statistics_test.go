package store_test

import (
	"testing"

	"github.com/nifuda/nifuda/internal/store"
)

// A database of an older version gets them at its next start.
func TestSQLiteHasStatisticsAfterEachStart(t *testing.T) {
	database := "sqlite:" + t.TempDir() + "/nifuda.db"
	db := openRaw(t, database)
	for range 2 {
		s, err := store.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		got := texts(t, db, `SELECT stat FROM sqlite_stat1 WHERE idx = $1`, "tags_digest")
		if len(got) != 1 || got[0] != "1000000 100000 10 10" {
			t.Errorf("the statistics of an index are %q", got)
		}
		if _, err := db.Exec(`DROP TABLE sqlite_stat1`); err != nil {
			t.Fatal(err)
		}
	}
}
