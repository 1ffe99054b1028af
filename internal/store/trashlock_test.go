package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestTrashIsNotEmptiedWhileABackupHoldsIt(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testTrashLock(t, "sqlite:"+filepath.Join(t.TempDir(), "nifuda.db"))
	})
	t.Run("postgres", func(t *testing.T) { testTrashLock(t, storetest.PostgresURL(t)) })
}

func testTrashLock(t *testing.T, url string) {
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := claimTrash(t, s, true)
	if s.Exclusive() { // a backup waits for the server's end of it, as long as it may
		claimTrash(t, s, false)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := store.HoldTrash(ctx, url); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("holding what is claimed: %v", err)
		}
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	one, err := store.HoldTrash(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	another, err := store.HoldTrash(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	claimTrash(t, s, false)
	if err := one.Release(); err != nil {
		t.Error(err)
	}
	claimTrash(t, s, false)
	if err := another.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := another.Release(); err != nil {
		t.Error(err)
	}
	if release := claimTrash(t, s, true); release() != nil {
		t.Error("the claim does not end")
	}
}

// A process that died does not keep the trash for good, and one that was only
// taken for dead knows.
func TestTrashHoldOfADeadProcessEnds(t *testing.T) {
	url := storetest.PostgresURL(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hold, err := store.HoldTrash(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	claimTrash(t, s, false)
	store.AgeTrashHolds(s, 59*time.Second)
	claimTrash(t, s, false)
	if err := hold.Check(t.Context()); err != nil {
		t.Errorf("it lives, and its hold is lost: %v", err)
	}
	store.AgeTrashHolds(s, 59*time.Second)
	claimTrash(t, s, false) // it has beaten since
	store.AgeTrashHolds(s, time.Minute)
	claimTrash(t, s, true)
	if err := hold.Check(t.Context()); err == nil {
		t.Error("it does not know that its hold is lost")
	}
	if err := hold.Release(); err != nil {
		t.Error(err)
	}
}

func claimTrash(t *testing.T, s *store.Store, want bool) (release func() error) {
	t.Helper()
	release, claimed, err := s.ClaimTrash(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if claimed != want {
		t.Fatalf("claimed is %v", claimed)
	}
	return release
}

// A backup often runs as another user than the server, who could not lock a file
// of that one.
func TestTheServerMakesTheTrashLockItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nifuda.db")
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat(path + "-trash"); err != nil {
		t.Error(err)
	}
}
