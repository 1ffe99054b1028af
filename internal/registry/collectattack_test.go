package registry_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// TestTheFilesOfAnotherDatabaseStay: who starts a server with an empty database
// beside a blob store that is not loses nothing.
func TestTheFilesOfAnotherDatabaseStay(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for _, name := range []string{"one", "two"} {
			f.putBlob(t, app, largeLayer(name))
		}
		long := f.clock.now().Add(-48 * time.Hour)
		for _, name := range f.files(t) {
			if err := os.Chtimes(filepath.Join(f.dir, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
		other, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		n, err := openWith(t, other, f.dir, f.clock, func(*registry.Options) {}).SweepOrphans(t.Context())
		if n != 0 || err == nil || !strings.Contains(err.Error(), "knows 0 and does not know 2") {
			t.Errorf("%d orphans, %v, want a refusal", n, err)
		}
		if n, err := f.SweepOrphans(t.Context()); n != 0 || err != nil {
			t.Errorf("%d orphans of the own database, %v", n, err)
		}
	})
}

// TestAFileThatCannotBeRemovedKeepsNoOthers, nor what a pass does afterwards, and
// is tried again.
func TestAFileThatCannotBeRemovedKeepsNoOthers(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for _, name := range []string{"one", "two", "three"} {
			f.putBlob(t, app, largeLayer(name))
		}
		f.appendPart(t, f.start(t), part([]byte("abandoned")), 9)
		f.clock.advance(25 * time.Hour)
		stuck := filepath.Join(f.dir, f.files(t)[0])
		if err := os.Remove(stuck); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(stuck, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c, err := f.CollectNow(t.Context()); c.Files != 2 || c.Uploads != 1 || err == nil {
			t.Errorf("%+v, %v, want two files and an upload, and an error for the third file", c, err)
		}
		if waiting := storetest.Texts(t, f.store, `SELECT location FROM trash`); len(waiting) != 1 || !strings.HasSuffix(stuck, waiting[0]) {
			t.Errorf("in the trash are %q", waiting)
		}
		if err := os.Remove(filepath.Join(stuck, "full")); err != nil {
			t.Fatal(err)
		}
		f.settle(t)
	})
}

// TestAPurgeLeavesWhatWasDeletedAgain: a repository that another node has
// restored since it was found to be due, and that was deleted again.
func TestAPurgeLeavesWhatWasDeletedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newCollectFixture(t, s, func(o *registry.Options) { o.UndeleteWindow = time.Hour })
		deleted, err := f.DeleteRepository(t.Context(), app, true, actor)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			until   time.Time
			purging bool
		}{{f.clock.now().Add(-time.Second), false}, {f.clock.now(), true}, {f.clock.now().Add(-time.Second), true}} {
			var purging bool
			err := s.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
				purging, err = tx.StartPurge(ctx, deleted.ID, test.until.UnixMilli())
				return err
			})
			if purging != test.purging || err != nil {
				t.Errorf("purging is %t, %v, want %t", purging, err, test.purging)
			}
		}
	})
}
