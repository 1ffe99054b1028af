package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func openTest(t *testing.T) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "nifuda.db")
	s, err := Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, path
}

func putSetting(s *Store, name string) error {
	return s.Update(context.Background(), PowerSafe, func(ctx context.Context, tx *Tx) error {
		return tx.PutSetting(ctx, "123456789012", name, RegistryPolicy, "text", 1)
	})
}

// After a sync failed, what older commits left in the log may be gone though
// later syncs succeed: nothing is promised before the log is out of the way.
func TestAfterAFailedSyncTheLogIsEmptiedBeforeTheNextCommit(t *testing.T) {
	s, path := openTest(t)
	if err := putSetting(s, "before"); err != nil {
		t.Fatal(err)
	}
	e := s.engine.(*sqliteEngine)
	e.suspect.Store(true)
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("the log before: %v, %v, want it to have something", info, err)
	}
	// A write that is refused leaves the log as the checkpoint left it.
	refused := errors.New("refused")
	if err := s.Update(t.Context(), PowerSafe, func(context.Context, *Tx) error { return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log afterwards: %v, %v, want it empty", info, err)
	}
	if err := errors.Join(putSetting(s, "after"), s.Ping(t.Context())); err != nil {
		t.Error(err)
	}
}

// A server that is not ready gets no requests that would write.
func TestReadinessComesBackWithoutAWrite(t *testing.T) {
	s, path := openTest(t)
	if err := putSetting(s, "before"); err != nil {
		t.Fatal(err)
	}
	e := s.engine.(*sqliteEngine)
	e.suspect.Store(true)
	// A reader of the old log keeps it from being emptied.
	reader, err := e.readers.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec("SELECT COUNT(*) FROM settings"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); err == nil {
		t.Error("the database is ready after a failed sync")
	}
	if err := errors.Join(reader.Rollback(), s.Ping(t.Context())); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log when the database is ready again: %v, %v, want it empty", info, err)
	}
}

func TestDatabaseFileThatWasMovedIsNoticed(t *testing.T) {
	s, path := openTest(t)
	if err := putSetting(s, "before"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	s.engine.(*sqliteEngine).file.checked = time.Time{} // no write is under way
	if err := s.Ping(t.Context()); err == nil {
		t.Error("the database is ready without its file")
	}
	if err := putSetting(s, "lost"); err == nil {
		t.Error("a write that the next process will not find was acknowledged")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Ping(t.Context()), putSetting(s, "again")); err != nil {
		t.Error(err)
	}
}
