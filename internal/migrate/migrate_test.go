package migrate_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/migrate"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	account = "123456789012"
	region  = "us-east-1"
)

// A site is an installation under test.
type site struct {
	migrate.Place
	t *testing.T
}

func newSite(t *testing.T, database string) site {
	t.Helper()
	directory := t.TempDir()
	if database == "" {
		database = "sqlite:" + filepath.Join(directory, "nifuda.db")
	}
	return site{migrate.Place{Database: database, Blobs: "file:" + filepath.Join(directory, "blobs")}, t}
}

func (s site) blobs() *file.Store {
	s.t.Helper()
	opened, err := file.Open(strings.TrimPrefix(s.Blobs, "file:"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { opened.Close() })
	return opened
}

// fill makes repositories, images, tags and users.
func (s site) fill() {
	s.t.Helper()
	load := storetest.Load{Account: account, Region: region, Repository: "load", Images: 50, Repositories: 5, Users: 10}
	if err := load.Into(s.t.Context(), s.Database); err != nil {
		s.t.Fatal(err)
	}
}

// add pushes blobs of the sizes into files.
func (s site) add(sizes ...int) (digests []string) {
	s.t.Helper()
	database, err := store.Open(s.t.Context(), s.Database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer database.Close()
	blobs := s.blobs()
	for _, size := range sizes {
		content := make([]byte, size)
		rand.Read(content)
		d := digest.FromBytes(content)
		location := d.Encoded()[:2] + "/" + d.Encoded() + "." + uuid.NewString()
		if size%2 == 1 { // as from a bucket
			id := uuid.NewString()
			location = id[len(id)-2:] + "/" + id
		}
		if err := blobs.Adopt(s.t.Context(), blob.Location(location), bytes.NewReader(content)); err != nil {
			s.t.Fatal(err)
		}
		err := database.Update(s.t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.InsertBlob(ctx, store.Blob{ID: uuid.NewString(), Digest: d.String(), Size: int64(size), Location: location}, 1)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
		digests = append(digests, d.String())
	}
	return digests
}

// sums are those of all tables.
func (s site) sums() map[string]store.Sum {
	s.t.Helper()
	snapshot, err := store.OpenSnapshot(s.t.Context(), s.Database, s.t.TempDir())
	if err != nil {
		s.t.Fatal(err)
	}
	defer snapshot.Close()
	sums, err := snapshot.Sums(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return sums
}

// mustEqual fails the test unless two sites have the same rows, and the second
// every blob.
func mustEqual(t *testing.T, a, b site) {
	t.Helper()
	first, second := a.sums(), b.sums()
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("table %s: %v and %v", name, sum, second[name])
		}
	}
	snapshot, err := store.OpenSnapshot(t.Context(), b.Database, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	blobs := b.blobs()
	err = snapshot.Blobs(t.Context(), func(row store.BlobFile) error {
		r, err := blobs.OpenStored(t.Context(), blob.Location(row.Location))
		if err != nil {
			return err
		}
		defer r.Close()
		content, err := io.ReadAll(r)
		if got := digest.FromBytes(content).String(); got != row.Digest {
			t.Errorf("blob %s has the bytes of %s", row.Digest, got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestThereAndBack(t *testing.T) {
	a, b, c := newSite(t, ""), newSite(t, storetest.PostgresURL(t)), newSite(t, "")
	a.fill()
	digests := a.add(100_000, 70_001, 1<<20)
	report, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: b.Place, Parallel: 3})
	if err != nil || report.Finished || report.Copied.Count != 3 || report.Checked.Count != 3 {
		t.Fatalf("the first pass: %+v, %v", report, err)
	}
	if _, err := store.Open(t.Context(), b.Database); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("a server on the unfinished target: %v", err)
	}
	a.add(80_000, 90_001)
	report, err = migrate.Run(t.Context(), migrate.Options{From: a.Place, To: b.Place, Parallel: 3, Finish: true, Verify: true})
	if err != nil || !report.Finished || report.Copied.Count != 2 || report.Verified.Count != 5 || report.Rows["manifests"] < 50 {
		t.Fatalf("the last pass: %+v, %v", report, err)
	}
	mustEqual(t, a, b)
	if _, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: b.Place, Finish: true}); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("a move onto the new server's data: %v", err)
	}
	if _, err := migrate.Run(t.Context(), migrate.Options{From: b.Place, To: c.Place, Finish: true}); err != nil {
		t.Fatal(err)
	}
	mustEqual(t, a, c)
	if len(digests) != 3 {
		t.Fatal(digests)
	}
}

var errKilled = errors.New("killed")

// Wherever a pass ends, the target is no registry yet or the whole one, the source
// is as it was, and the next pass ends the move.
func TestAMoveThatIsKilledGoesOn(t *testing.T) {
	for name, to := range map[string]struct {
		database func(t *testing.T) string
		each     int // of so many places one is tried
	}{
		"sqlite":   {func(*testing.T) string { return "" }, 1},
		"postgres": {func(t *testing.T) string { return storetest.PostgresURL(t) }, 7}, // where a schema takes long
	} {
		t.Run(name, func(t *testing.T) {
			if raceDetector {
				to.each *= 5
			}
			a := newSite(t, "")
			a.fill()
			a.add(70_000, 80_001, 90_000)
			before := a.sums()
			for end := 1; ; end += to.each {
				b := newSite(t, to.database(t))
				o := migrate.Options{From: a.Place, To: b.Place, Finish: true}
				_, points, err := migrate.RunUntil(t.Context(), o, end, errKilled)
				if points < end {
					if end < 20 {
						t.Errorf("there are %d places only", points)
					}
					break
				}
				if !errors.Is(err, errKilled) {
					t.Fatalf("place %d: %v", end, err)
				}
				if s, err := store.Open(t.Context(), b.Database); err == nil {
					// Nothing was written yet: it is an empty one.
					if n, err := s.CountUnsealed(t.Context(), 1); n > 0 || err != nil {
						t.Errorf("place %d: a server takes an unfinished target with %d blobs, %v", end, n, err)
					}
					s.Close()
					continue
				}
				o.Finish = true
				if _, err := migrate.Run(t.Context(), o); err != nil {
					t.Fatalf("after place %d: %v", end, err)
				}
				mustEqual(t, a, b)
			}
			for name, sum := range a.sums() {
				if before[name] != sum {
					t.Errorf("table %s of the source was changed", name)
				}
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	a := newSite(t, "")
	a.fill()
	a.add(70_000)
	full := newSite(t, "")
	full.fill()
	other := newSite(t, "")
	other.add(70_000)
	held, err := store.Open(t.Context(), a.Database)
	if err != nil {
		t.Fatal(err)
	}
	used := newSite(t, "")
	if err := used.blobs().Adopt(t.Context(), blob.Location("ab/"+uuid.NewString()[:34]+"ab"), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	begun := newSite(t, "")
	if _, err := migrate.Run(t.Context(), migrate.Options{From: other.Place, To: begun.Place}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		o      migrate.Options
		want   error
		phrase string
	}{
		{name: "the same place", o: migrate.Options{From: a.Place, To: a.Place}, want: migrate.ErrNothingToMove},
		{name: "the same file under another name", o: migrate.Options{From: a.Place, To: migrate.Place{Database: "sqlite:" + filepath.Dir(strings.TrimPrefix(a.Database, "sqlite:")) + "/./nifuda.db", Blobs: a.Blobs}}, want: migrate.ErrNothingToMove},
		{name: "a source that a server changes", o: migrate.Options{From: a.Place, To: newSite(t, "").Place, Finish: true}, want: store.ErrWritable},
		{name: "a database that is not empty", o: migrate.Options{From: a.Place, To: full.Place}, want: store.ErrNotEmpty},
		{name: "a blob store that is not empty", o: migrate.Options{From: a.Place, To: used.Place}, want: store.ErrNotEmpty},
		{name: "a target of another move", o: migrate.Options{From: a.Place, To: begun.Place}, want: store.ErrNotEmpty, phrase: "a move from"},
		{name: "a source that is the target of a move", o: migrate.Options{From: begun.Place, To: newSite(t, "").Place}, want: store.ErrUnfinished},
		{name: "no source", o: migrate.Options{From: newSite(t, "").Place, To: newSite(t, "").Place}, want: os.ErrNotExist},
	} {
		_, err := migrate.Run(t.Context(), c.o)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.phrase) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	held.Close()
	readOnly, err := store.Open(t.Context(), a.Database, store.ReadOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	if err := readOnly.Update(t.Context(), store.PowerSafe, func(context.Context, *store.Tx) error { return nil }); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a change through a read-only server: %v", err)
	}
	if _, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: newSite(t, "").Place, Finish: true}); err != nil {
		t.Errorf("beside a read-only server: %v", err)
	}
}

func TestADamagedBlobIsSaidAndTheRestMoves(t *testing.T) {
	a, b := newSite(t, ""), newSite(t, "")
	a.add(70_000, 80_000)
	var files []string
	root := strings.TrimPrefix(a.Blobs, "file:")
	if err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("other bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: b.Place, Finish: true})
	if err != nil || len(report.Damaged) != 1 || report.Copied.Count != 1 || !report.Finished {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestOnlyTheDatabaseOrOnlyTheBlobsMove(t *testing.T) {
	a, b := newSite(t, ""), newSite(t, "")
	a.fill()
	a.add(70_000, 80_000)
	if report, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: migrate.Place{Database: a.Database, Blobs: b.Blobs}, Finish: true}); err != nil || report.Copied.Count != 2 {
		t.Errorf("blobs: %+v, %v", report, err)
	}
	mustEqual(t, a, site{migrate.Place{Database: a.Database, Blobs: b.Blobs}, t})
	if report, err := migrate.Run(t.Context(), migrate.Options{From: a.Place, To: migrate.Place{Database: b.Database, Blobs: a.Blobs}, Finish: true}); err != nil || report.Copied.Count != 0 || !report.Finished {
		t.Errorf("database: %+v, %v", report, err)
	}
	mustEqual(t, a, site{migrate.Place{Database: b.Database, Blobs: a.Blobs}, t})
}
