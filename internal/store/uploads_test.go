package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestUploadIsWhatWasSavedLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		u := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, Size: 3, Parts: 1, LastPart: 3, Content: []byte("abc"), UpdatedAt: 7}
		var got store.Upload
		for _, next := range []store.Upload{
			u,
			{ID: u.ID, RepositoryID: r.ID, Size: 0, Content: []byte{}, UpdatedAt: 8},
			{ID: u.ID, RepositoryID: r.ID, Size: 1 << 40, Parts: 9000, LastPart: 1, SmallPart: true, WriterState: []byte{0, 1, 2}, UpdatedAt: 9},
		} {
			next.Version = got.Version
			saveUpload(t, s, next, true)
			var err error
			if got, err = s.Upload(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(next, got, cmpopts.IgnoreFields(store.Upload{}, "Version")); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// Of two processes that have read the same state one saves another, or ends the
// upload, and the other one does not.
func TestUploadIsSavedByWhoHasReadIt(t *testing.T) {
	s := storetest.Postgres(t)
	r := addRepository(t, s, "app")
	fresh := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, Content: []byte("one")}
	saveUpload(t, s, fresh, true)
	saveUpload(t, s, fresh, false)
	read, err := s.Upload(t.Context(), fresh.ID)
	if err != nil {
		t.Fatal(err)
	}
	saveUpload(t, s, read, true)
	saveUpload(t, s, read, false)
	endUpload(t, s, read, false)
	if read, err = s.Upload(t.Context(), fresh.ID); err != nil {
		t.Fatalf("a transaction that found another state has ended the upload: %v", err)
	}
	endUpload(t, s, read, true)
	saveUpload(t, s, read, false)
	endUpload(t, s, read, false)
	if _, err := s.Upload(t.Context(), fresh.ID); !errors.Is(err, store.ErrEnded) {
		t.Errorf("the upload reads %v, want %v", err, store.ErrEnded)
	}
}

// An upload that ends with its first bytes ends once.
func TestUploadWithoutAStateEndsOnce(t *testing.T) {
	s := storetest.Postgres(t)
	r := addRepository(t, s, "app")
	u := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID}
	endUpload(t, s, u, true)
	endUpload(t, s, u, false)
}

func saveUpload(t *testing.T, s *store.Store, u store.Upload, want bool) {
	t.Helper()
	if saved, err := s.SaveUpload(t.Context(), u); err != nil || saved != want {
		t.Fatalf("saved is %t, %v, want %t", saved, err, want)
	}
}

var errNotAsRead = errors.New("the upload is not as it was read")

// endUpload rolls back where the upload is not as it was read.
func endUpload(t *testing.T, s *store.Store, u store.Upload, want bool) {
	t.Helper()
	err := s.Update(t.Context(), store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
		ended, err := tx.EndUpload(ctx, u, 1)
		if err == nil && !ended {
			err = errNotAsRead
		}
		return err
	})
	if want && err != nil || !want && !errors.Is(err, errNotAsRead) {
		t.Fatalf("the end: %v", err)
	}
}

func TestUploadEndsWithItsTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		u := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, Content: []byte("abc")}
		saveUpload(t, s, u, true)
		u, err := s.Upload(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		err = s.Update(t.Context(), store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.EndUpload(ctx, u, 1)
			return errors.Join(err, refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if _, err := s.Upload(t.Context(), u.ID); err != nil {
			t.Errorf("after a transaction that failed: %v", err)
		}
		endUpload(t, s, u, true)
		wantNoUpload(t, s, u.ID)
	})
}

func TestStaleUploadsAreThoseThatNothingHappenedTo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		var old store.Upload
		for at := range int64(4) {
			old = store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, WriterState: []byte{1}, UpdatedAt: 3 - at}
			saveUpload(t, s, old, true)
		}
		stale, err := s.StaleUploads(t.Context(), 2, 10)
		if err != nil || len(stale) != 2 {
			t.Fatalf("%d uploads from before 2, %v, want 2", len(stale), err)
		}
		if stale, err = s.StaleUploads(t.Context(), 4, 3); err != nil || len(stale) != 3 {
			t.Fatalf("%d uploads, %v, want the limit of 3", len(stale), err)
		}
		old, err = s.Upload(t.Context(), old.ID)
		if err != nil {
			t.Fatal(err)
		}
		other := old
		other.UpdatedAt++
		if gone, err := s.DeleteStaleUpload(t.Context(), other); err != nil || gone {
			t.Errorf("an upload that something happened to: deleted %t, %v", gone, err)
		}
		if gone, err := s.DeleteStaleUpload(t.Context(), old); err != nil || !gone {
			t.Errorf("a stale upload: deleted %t, %v", gone, err)
		}
		wantNoUpload(t, s, old.ID)
		if gone, err := s.DeleteStaleUpload(t.Context(), old); err != nil || gone {
			t.Errorf("an upload that is gone: deleted %t, %v", gone, err)
		}
	})
}

func wantNoUpload(t *testing.T, s *store.Store, id string) {
	t.Helper()
	if _, err := s.Upload(t.Context(), id); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrEnded) {
		t.Errorf("the upload reads %v, want %v", err, store.ErrNotFound)
	}
}
