package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestUploadIsWhatWasSavedLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		u := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, Size: 3, Parts: 1, LastPart: 3, Content: []byte("abc"), UpdatedAt: 7}
		for _, next := range []store.Upload{
			u,
			{ID: u.ID, RepositoryID: r.ID, Size: 0, Content: []byte{}, UpdatedAt: 8},
			{ID: u.ID, RepositoryID: r.ID, Size: 1 << 40, Parts: 9000, LastPart: 1, SmallPart: true, WriterState: []byte{0, 1, 2}, UpdatedAt: 9},
		} {
			if err := s.SaveUpload(t.Context(), next); err != nil {
				t.Fatal(err)
			}
			got, err := s.Upload(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(next, got); diff != "" {
				t.Error(diff)
			}
		}
		if err := s.DeleteUpload(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		wantNoUpload(t, s, u.ID)
		if err := s.DeleteUpload(t.Context(), u.ID); err != nil {
			t.Errorf("delete an upload that is gone: %v", err)
		}
	})
}

func TestUploadEndsWithItsTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		u := store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, Content: []byte("abc")}
		if err := s.SaveUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		err := s.Update(t.Context(), store.CrashSafe, func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(tx.EndUpload(ctx, u.ID), refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if _, err := s.Upload(t.Context(), u.ID); err != nil {
			t.Errorf("after a transaction that failed: %v", err)
		}
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.EndUpload(ctx, u.ID) })
		wantNoUpload(t, s, u.ID)
	})
}

func TestStaleUploadsAreThoseThatNothingHappenedTo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		var old store.Upload
		for at := range int64(4) {
			old = store.Upload{ID: uuid.NewString(), RepositoryID: r.ID, WriterState: []byte{1}, UpdatedAt: 3 - at}
			if err := s.SaveUpload(t.Context(), old); err != nil {
				t.Fatal(err)
			}
		}
		stale, err := s.StaleUploads(t.Context(), 2, 10)
		if err != nil || len(stale) != 2 {
			t.Fatalf("%d uploads from before 2, %v, want 2", len(stale), err)
		}
		if stale, err = s.StaleUploads(t.Context(), 4, 3); err != nil || len(stale) != 3 {
			t.Fatalf("%d uploads, %v, want the limit of 3", len(stale), err)
		}
		if gone, err := s.DeleteStaleUpload(t.Context(), old.ID, old.UpdatedAt+1); err != nil || gone {
			t.Errorf("an upload that something happened to: deleted %t, %v", gone, err)
		}
		if gone, err := s.DeleteStaleUpload(t.Context(), old.ID, old.UpdatedAt); err != nil || !gone {
			t.Errorf("a stale upload: deleted %t, %v", gone, err)
		}
		wantNoUpload(t, s, old.ID)
		if gone, err := s.DeleteStaleUpload(t.Context(), old.ID, old.UpdatedAt); err != nil || gone {
			t.Errorf("an upload that is gone: deleted %t, %v", gone, err)
		}
	})
}

func wantNoUpload(t *testing.T, s *store.Store, id string) {
	t.Helper()
	if _, err := s.Upload(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the upload reads %v, want %v", err, store.ErrNotFound)
	}
}
