package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
		return tx.PutSetting(ctx, "123456789012", name, RegistryPolicy, "text", "", 1)
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

// The log is copied whole when it is long, and then overwritten from its
// beginning; while a reader holds it up it goes on growing.
func TestALongLogIsCopiedIntoTheDatabase(t *testing.T) {
	s, path := openTest(t)
	const rounds, perRound = 12, checkpointPages / 4
	letter := byte('a')
	fill := func() {
		t.Helper()
		letter++ // SQLite does not write what stays the same
		text := strings.Repeat(string(letter), 4000)
		err := s.Update(t.Context(), CrashSafe, func(ctx context.Context, tx *Tx) error {
			for i := range perRound {
				if err := tx.PutSetting(ctx, "123456789012", strconv.Itoa(i), RegistryPolicy, text, "", 1); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages := func() int64 {
		t.Helper()
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size() / 4096
	}
	for range rounds {
		fill()
	}
	if got := pages(); got < checkpointPages || got > 2*checkpointPages {
		t.Errorf("after %d pages or more the log has %d", rounds*perRound, got)
	}

	reader, err := s.engine.(*sqliteEngine).readers.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec("SELECT COUNT(*) FROM settings"); err != nil {
		t.Fatal(err)
	}
	for range rounds {
		fill()
	}
	if got := pages(); got < 2*checkpointPages {
		t.Errorf("while a reader holds it up the log has %d pages", got)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	held := pages()
	for range rounds {
		fill()
	}
	if got := pages(); got > held+checkpointPages {
		t.Errorf("after the reader the log went on to %d pages from %d", got, held)
	}
}

// A backup may read for minutes. Commits wait for it once for each stretch of the
// log, not each of them.
func TestALongReaderHoldsUpFewCommits(t *testing.T) {
	s, _ := openTest(t)
	reader, err := s.engine.(*sqliteEngine).readers.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback() //nolint:errcheck // nothing was written
	if _, err := reader.Exec("SELECT COUNT(*) FROM settings"); err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), CrashSafe, func(ctx context.Context, tx *Tx) error {
		return tx.PutSetting(ctx, "123456789012", "large", RegistryPolicy, strings.Repeat("x", pageSize*(checkpointPages+100)), "", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	const commits = 50
	start := time.Now()
	for i := range commits {
		if err := putSetting(s, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start)
	t.Logf("%d commits took %v", commits, took)
	if took > commits*100*time.Millisecond/2 {
		t.Errorf("%d commits took %v", commits, took)
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

// A commit that survives a power cut makes those before it survive, even if it
// has nothing to write itself.
func TestASyncedCommitSyncsThoseBeforeIt(t *testing.T) {
	for name, write := range map[string]func(context.Context, *Tx) error{
		"nothing": func(context.Context, *Tx) error { return nil },
		"what is there": func(ctx context.Context, tx *Tx) error {
			return tx.PutSetting(ctx, "123456789012", "before", RegistryPolicy, "text", "", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := openTest(t)
			err := s.Update(t.Context(), CrashSafe, func(ctx context.Context, tx *Tx) error {
				return tx.PutSetting(ctx, "123456789012", "before", RegistryPolicy, "text", "", 1)
			})
			if err != nil {
				t.Fatal(err)
			}
			// SQLite syncs the log when it has written to it.
			for _, grows := range []bool{true, false} {
				before := logSize(t, path)
				if err := s.Update(t.Context(), PowerSafe, write); err != nil {
					t.Fatal(err)
				}
				if grown := logSize(t, path) > before; grown != grows {
					t.Errorf("the log has grown: %t, want %t", grown, grows)
				}
			}
		})
	}
}

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
