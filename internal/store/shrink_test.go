package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/store"
)

// fillAndEmpty leaves a database with many free pages and few in use.
func fillAndEmpty(t *testing.T, s *store.Store) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		for i := range 2000 {
			e := store.Event{ID: fmt.Sprintf("%06d", i), Detail: strings.Repeat("x", 4000), At: int64(i)}
			if err := tx.InsertEvent(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.DeleteEvents(ctx, 1990, 5000)
		return err
	})
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestTheDatabaseGivesSpaceBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nifuda.db")
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fillAndEmpty(t, s)
	full := sizeOf(t, path)
	before, err := s.Space(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if possible, err := s.GiveBack(t.Context(), 100*4096); !possible || err != nil {
		t.Fatal(possible, err)
	}
	after, err := s.Space(t.Context())
	// Of each hundred pages one or two keep account of the others.
	if freed := before.Free - after.Free; err != nil || freed < 100*4096 || freed > 110*4096 || before.Size-after.Size != freed {
		t.Errorf("%+v became %+v, %v, want 100 pages less", before, after, err)
	}
	if _, err := s.GiveBack(t.Context(), 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := sizeOf(t, path); now > full/4 {
		t.Errorf("the file has %d bytes of %d", now, full)
	}
}

// older makes a database as versions before did, with some bytes in it.
func older(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nifuda.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"PRAGMA journal_mode=WAL", "CREATE TABLE other (content BLOB)", fmt.Sprintf("INSERT INTO other VALUES (zeroblob(%d))", size)} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestAnOlderDatabaseLearnsToGiveSpaceBackWhileItIsSmall(t *testing.T) {
	for size, want := range map[int]bool{1 << 20: true, 70 << 20: false} {
		path := older(t, size)
		for range 2 { // the second time it knows
			s, err := store.Open(t.Context(), "sqlite:"+path)
			if err != nil {
				t.Fatal(err)
			}
			fillAndEmpty(t, s)
			if possible, err := s.GiveBack(t.Context(), 1<<20); possible != want || err != nil {
				t.Errorf("GiveBack of %d bytes: %t, %v, want %t", size, possible, err, want)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if !want {
				break
			}
			db := openRaw(t, "sqlite:"+path)
			if _, err := db.Exec("DELETE FROM events"); err != nil {
				t.Fatal(err)
			}
			db.Close()
		}
	}
}
