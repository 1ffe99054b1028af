package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	account = "123456789012"
	region  = "us-east-1"
)

func update(t *testing.T, s *store.Store, do func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), store.PowerSafe, do); err != nil {
		t.Fatal(err)
	}
}

func addRepository(t *testing.T, s *store.Store, name string) store.Repository {
	t.Helper()
	r := store.Repository{
		ID: uuid.NewString(), Account: account, Region: region, Name: name,
		Mutability: "MUTABLE", MutabilityFilters: "[]", Encryption: "AES256", CreatedAt: 1,
	}
	update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.InsertRepository(ctx, r) })
	return r
}

func addBlob(t *testing.T, s *store.Store, repositoryID, digest string, content []byte) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.InsertBlob(ctx, store.Blob{ID: uuid.NewString(), Digest: digest, Size: int64(len(content)), Content: content}, 1)
		if err != nil {
			return err
		}
		_, err = tx.LinkBlob(ctx, repositoryID, digest, id, int64(len(content)), 1)
		return err
	})
}

func TestUpdateRollsBackWhatFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		refused := errors.New("refused")
		err := s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutSetting(ctx, account, region, store.RegistryPolicy, "text", "", 1); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("got %v, want the function's own error", err)
		}
		if _, err := s.Setting(t.Context(), account, region, store.RegistryPolicy); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after the rollback the row reads %v", err)
		}
	})
}

func TestUpdatesOfManyCallersFailAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const callers = 100
		refused := errors.New("refused")
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				errs[i] = s.Update(t.Context(), store.Durability(i%2), func(ctx context.Context, tx *store.Tx) error {
					if err := tx.PutSetting(ctx, account, fmt.Sprint("region-", i), store.RegistryPolicy, "text", "", 1); err != nil {
						return err
					}
					if i%3 == 0 {
						return refused
					}
					return nil
				})
			})
		}
		wg.Wait()
		for i, err := range errs {
			_, read := s.Setting(t.Context(), account, fmt.Sprint("region-", i), store.RegistryPolicy)
			if i%3 == 0 && (!errors.Is(err, refused) || !errors.Is(read, store.ErrNotFound)) {
				t.Errorf("caller %d: got %v, its row reads %v, want it refused", i, err, read)
			}
			if i%3 != 0 && (err != nil || read != nil) {
				t.Errorf("caller %d: got %v, its row reads %v, want it stored", i, err, read)
			}
		}
	})
}

func TestUpdateSurvivesAPanic(t *testing.T) {
	s := storetest.SQLite(t)
	err := s.Update(t.Context(), store.PowerSafe, func(context.Context, *store.Tx) error { panic("bug") })
	if err == nil {
		t.Fatal("a panic was acknowledged")
	}
	addRepository(t, s, "after")
}

func TestUpdateOfAGoneCallerDoesNotRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Update(ctx, store.PowerSafe, func(context.Context, *store.Tx) error {
			t.Error("the transaction ran")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestUpdateAfterCloseIsRefused(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(t.Context(), store.PowerSafe, func(context.Context, *store.Tx) error { return nil }); err == nil {
		t.Error("an update after Close was acknowledged")
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	urls := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "dir", "a b?.db") },
		"postgres": func(t *testing.T) string { return storetest.PostgresURL(t) },
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			for try := range 3 {
				s, err := store.Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				if try == 0 {
					addRepository(t, s, "app")
				}
				if _, err := s.Repository(t.Context(), account, region, "app"); err != nil {
					t.Errorf("open number %d: %v", try+1, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestPingNeedsNothingInTheDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenRefusesOtherDatabases(t *testing.T) {
	for _, url := range []string{"", "mysql://localhost", "nifuda.db"} {
		if s, err := store.Open(t.Context(), url); err == nil {
			t.Errorf("%q was opened", url)
			s.Close()
		}
	}
}

func TestNamesAreInByteOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		names := []string{"a", "a-b", "a.b", "a/b", "a0", "a_b", "ab", "b"}
		for _, i := range []int{3, 0, 7, 5, 1, 6, 2, 4} {
			addRepository(t, s, names[i])
		}
		var got []string
		for after := ""; ; {
			page, err := s.Repositories(t.Context(), account, region, after, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				got = append(got, r.Name)
			}
			if len(page) < 3 {
				break
			}
			after = page[2].Name
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestManifestNeedsItsBlobs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		put := func(digest, blob string) error {
			return s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.InsertManifest(ctx, store.NewManifest{RepositoryID: r.ID, Digest: digest, Payload: []byte("{}")}); err != nil {
					return err
				}
				return tx.InsertManifestBlobs(ctx, r.ID, digest, []store.ManifestBlob{{Digest: blob, MediaType: "layer"}})
			})
		}
		if err := put("sha256:m", "sha256:b"); !store.IsForeignKey(err) {
			t.Errorf("a manifest without its blob: got %v, want a foreign-key error", err)
		}
		addBlob(t, s, r.ID, "sha256:b", []byte("b"))
		if err := put("sha256:m", "sha256:b"); err != nil {
			t.Error(err)
		}
		err := s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.UnlinkBlob(ctx, r.ID, "sha256:b")
			return err
		})
		if !store.IsForeignKey(err) {
			t.Errorf("unlinking a blob in use: got %v, want a foreign-key error", err)
		}
	})
}

func TestManifestsHaveManyReferences(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		var blobs []store.ManifestBlob
		var children []string
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			blobs, children = nil, nil
			for i := range 150 {
				b := store.Blob{ID: uuid.NewString(), Digest: fmt.Sprintf("sha256:b%03d", i), Content: []byte{byte(i)}}
				if _, err := tx.InsertBlob(ctx, b, 1); err != nil {
					return err
				}
				if _, err := tx.LinkBlob(ctx, r.ID, b.Digest, b.ID, 1, 1); err != nil {
					return err
				}
				child := fmt.Sprintf("sha256:m%03d", i)
				if _, err := tx.InsertManifest(ctx, store.NewManifest{RepositoryID: r.ID, Digest: child, Payload: []byte("{}")}); err != nil {
					return err
				}
				blobs, children = append(blobs, store.ManifestBlob{Digest: b.Digest, MediaType: "layer"}), append(children, child)
			}
			if err := tx.InsertManifestBlobs(ctx, r.ID, children[0], blobs); err != nil {
				return err
			}
			return tx.InsertManifestChildren(ctx, r.ID, children[0], children[1:])
		})
		for i, b := range blobs {
			if _, err := s.BlobMediaType(t.Context(), r.ID, b.Digest); err != nil {
				t.Errorf("reference to blob %d: %v", i, err)
			}
		}
		for i, child := range children[1:] {
			if parents, err := s.Parents(t.Context(), r.ID, child); err != nil || len(parents) != 1 {
				t.Errorf("parents of child %d: %v, %v", i, parents, err)
			}
		}
	})
}

func TestEmptyContentIsContent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		addBlob(t, s, r.ID, "sha256:empty", []byte{})
		b, _, err := s.OpenBlob(t.Context(), account, region, "app", "sha256:empty")
		if err != nil || b.Location != "" || len(b.Content) != 0 {
			t.Errorf("got %+v, %v", b, err)
		}
	})
}

func TestSecondBlobOfADigestLearnsTheFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var first, second string
		update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			first, err = tx.InsertBlob(ctx, store.Blob{ID: "1", Digest: "sha256:b", Size: 1, Location: "here"}, 1)
			return err
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
			second, err = tx.InsertBlob(ctx, store.Blob{ID: "2", Digest: "sha256:b", Size: 1, Location: "there"}, 1)
			return err
		})
		if first != "1" || second != "1" {
			t.Errorf("got ids %q and %q, want the first one twice", first, second)
		}
	})
}

func TestImmutableTagDoesNotMove(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			for _, d := range []string{"sha256:a", "sha256:b"} {
				if _, err := tx.InsertManifest(ctx, store.NewManifest{RepositoryID: r.ID, Digest: d, Payload: []byte("{}")}); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct {
			digest  string
			mayMove bool
			want    bool
		}{
			{"sha256:a", false, true},  // the first use of a tag
			{"sha256:a", false, true},  // the same again
			{"sha256:b", false, false}, // another image
			{"sha256:b", true, true},   // another image, when it may
		} {
			update(t, s, func(ctx context.Context, tx *store.Tx) error {
				got, err := tx.PutTag(ctx, r.ID, "v1", c.digest, c.mayMove, 1)
				if got != c.want {
					t.Errorf("put %s, may move %v: got %v, want %v", c.digest, c.mayMove, got, c.want)
				}
				return err
			})
		}
	})
}

func TestTagHistoryIsASequence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		for i, digest := range []string{"sha256:a", "sha256:b", ""} {
			update(t, s, func(ctx context.Context, tx *store.Tx) error {
				return tx.RecordTag(ctx, r.ID, "v1", digest, "who", int64(i))
			})
		}
		got, err := s.TagHistory(t.Context(), r.ID, "v1", 4, 10)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.TagChange{{3, "", "who", 2}, {2, "sha256:b", "who", 1}, {1, "sha256:a", "who", 0}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDeleteRepositoryTakesEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		addBlob(t, s, r.ID, "sha256:b", []byte("b"))
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			for _, d := range []string{"sha256:child", "sha256:index"} {
				if _, err := tx.InsertManifest(ctx, store.NewManifest{RepositoryID: r.ID, Digest: d, Payload: []byte("{}")}); err != nil {
					return err
				}
			}
			if err := tx.InsertManifestBlobs(ctx, r.ID, "sha256:child", []store.ManifestBlob{{"sha256:b", "layer"}}); err != nil {
				return err
			}
			if err := tx.InsertManifestChildren(ctx, r.ID, "sha256:index", []string{"sha256:child"}); err != nil {
				return err
			}
			if _, err := tx.PutTag(ctx, r.ID, "v1", "sha256:index", false, 1); err != nil {
				return err
			}
			if err := tx.SetUntagged(ctx, r.ID, "sha256:child", true); err != nil {
				return err
			}
			if err := tx.RecordTag(ctx, r.ID, "v1", "sha256:index", "who", 1); err != nil {
				return err
			}
			if err := tx.PutResourceTag(ctx, r.ID, store.ResourceTag{Key: "k", Value: "v"}); err != nil {
				return err
			}
			return tx.PutDocument(ctx, r.ID, store.LifecyclePolicy, "{}", "")
		})
		update(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.HideRepository(ctx, r, "who", 1) })
		for done := false; !done; {
			update(t, s, func(ctx context.Context, tx *store.Tx) error {
				p, err := tx.PurgeRepository(ctx, r.ID, 1)
				done = p.Done
				return err
			})
		}
		if blobs, err := s.BlobChecks(t.Context(), "", 10); len(blobs) != 1 || err != nil {
			t.Errorf("blobs to check: %q, %v, want the one that lost its link", blobs, err)
		}
		if _, err := s.Repository(t.Context(), account, region, "app"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the repository reads %v", err)
		}
	})
}

func TestRecordPullOfAGoneImageIsNoError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := addRepository(t, s, "app")
		update(t, s, func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.InsertManifest(ctx, store.NewManifest{RepositoryID: r.ID, Digest: "sha256:m", Payload: []byte("{}")}); err != nil {
				return err
			}
			for _, at := range []int64{5, 9, 7} {
				if err := tx.RecordPull(ctx, r.ID, "sha256:m", at); err != nil {
					return err
				}
			}
			return tx.RecordPull(ctx, r.ID, "sha256:gone", 5)
		})
		images, err := s.Images(t.Context(), r.ID, "", 10)
		if err != nil || len(images) != 1 || images[0].PulledAt != 9 {
			t.Errorf("got %+v, %v, want one image pulled at 9", images, err)
		}
	})
}
