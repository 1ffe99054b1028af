package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/backup"
	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// An installation is a registry's data with a repository and blobs.
type installation struct {
	backup.Installation
	t     *testing.T
	store *store.Store
	blobs *file.Store
	repo  string
}

func placeFor(t *testing.T, database string) backup.Installation {
	directory := filepath.Join(t.TempDir(), "data")
	if database == "" {
		database = "sqlite:" + filepath.Join(directory, "nifuda.db")
	}
	return backup.Installation{Database: database, Blobs: "file:" + filepath.Join(directory, "blobs"), Data: directory, KeyRing: filepath.Join(directory, "seal-keys")}
}

// install makes an installation. On PostgreSQL it begins with an empty database.
func install(t *testing.T, database string) *installation {
	t.Helper()
	i := open(t, placeFor(t, database))
	i.repo = uuid.NewString()
	i.update(func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertRepository(ctx, store.Repository{
			ID: i.repo, Account: "123456789012", Region: "us-east-1", Name: "app", Mutability: "MUTABLE", MutabilityFilters: "[]", Encryption: "AES256",
		})
	})
	i.write("keys/server.key", strings.Repeat("ab", 32)+"\n")
	i.write("seal-keys", "a ring\n")
	return i
}

func open(t *testing.T, place backup.Installation) *installation {
	t.Helper()
	i := &installation{Installation: place, t: t}
	var err error
	if i.store, err = store.Open(t.Context(), place.Database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.store.Close() })
	if i.blobs, err = file.Open(strings.TrimPrefix(place.Blobs, "file:")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.blobs.Close() })
	return i
}

func (i *installation) write(name, text string) {
	i.t.Helper()
	full := filepath.Join(i.Data, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o700), os.WriteFile(full, []byte(text), 0o600)); err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) update(do func(ctx context.Context, tx *store.Tx) error) {
	i.t.Helper()
	if err := i.store.Update(i.t.Context(), store.PowerSafe, do); err != nil {
		i.t.Fatal(err)
	}
}

// add puts a blob into the repository, into a file if it is large.
func (i *installation) add(content []byte, large bool) (d digest.Digest, location blob.Location) {
	i.t.Helper()
	d = digest.FromBytes(content)
	b := store.Blob{ID: uuid.NewString(), Digest: d.String(), Size: int64(len(content)), Content: content}
	if large {
		location = blob.Location(d.Encoded()[:2] + "/" + d.Encoded() + "." + uuid.NewString())
		if err := i.blobs.Adopt(i.t.Context(), location, bytes.NewReader(content)); err != nil {
			i.t.Fatal(err)
		}
		b.Content, b.Location = nil, string(location)
	}
	i.update(func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.InsertBlob(ctx, b, 1)
		if err != nil {
			return err
		}
		_, err = tx.LinkBlob(ctx, i.repo, b.Digest, id, b.Size, 1)
		return err
	})
	return d, location
}

// mustHave fails the test unless the repository has a blob with these bytes.
func (i *installation) mustHave(content []byte) {
	i.t.Helper()
	b, _, err := i.store.OpenBlob(i.t.Context(), "123456789012", "us-east-1", "app", digest.FromBytes(content).String())
	if err != nil {
		i.t.Fatal(err)
	}
	got := b.Content
	if b.Location != "" {
		r, err := i.blobs.OpenStored(i.t.Context(), blob.Location(b.Location))
		if err != nil {
			i.t.Fatal(err)
		}
		defer r.Close()
		if got, err = io.ReadAll(r); err != nil {
			i.t.Fatal(err)
		}
	}
	if !bytes.Equal(got, content) {
		i.t.Errorf("a blob of %d bytes has %d bytes, or others", len(content), len(got))
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func take(t *testing.T, from *installation, target string, o backup.Options) backup.Taken {
	t.Helper()
	taken, err := backup.Take(t.Context(), from.Installation, target, o)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func restore(t *testing.T, source string, to backup.Installation) (*installation, backup.Restored) {
	t.Helper()
	restored, err := backup.Restore(t.Context(), source, "", to, nil)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, to), restored
}

func TestABackupOfOneDatabaseRestoresIntoTheOther(t *testing.T) {
	contents := [][]byte{{}, []byte("small"), random(100 << 10), random(3 << 20)}
	first := install(t, "")
	for _, content := range contents {
		first.add(content, len(content) > 64<<10)
	}
	source := first
	for _, database := range []string{storetest.PostgresURL(t), ""} {
		target := t.TempDir()
		if taken := take(t, source, target, backup.Options{}); taken.Blobs.Count != 2 || taken.Copied.Count != 2 {
			t.Errorf("took %+v", taken)
		}
		var restored backup.Restored
		source, restored = restore(t, target, placeFor(t, database))
		if len(restored.Lost) > 0 || !restored.NeedsKey {
			t.Errorf("restored %+v", restored)
		}
		for _, content := range contents {
			source.mustHave(content)
		}
		source.write("keys/server.key", strings.Repeat("ab", 32)+"\n")
	}
}

func TestASecondBackupCopiesWhatIsNew(t *testing.T) {
	i := install(t, "")
	target := t.TempDir()
	i.add(random(100<<10), true)
	if taken := take(t, i, target, backup.Options{}); taken.Copied.Count != 1 {
		t.Errorf("the first copied %+v", taken.Copied)
	}
	content := random(200 << 10)
	i.add(content, true)
	if taken := take(t, i, target, backup.Options{}); taken.Copied != (backup.Totals{Count: 1, Bytes: 200 << 10}) || taken.Blobs.Count != 2 {
		t.Errorf("the second copied %+v of %+v", taken.Copied, taken.Blobs)
	}
	all, err := backup.List(t.Context(), target)
	if err != nil || len(all) != 2 {
		t.Errorf("there are %d snapshots: %v", len(all), err)
	}
	again, _ := restore(t, target, placeFor(t, ""))
	again.mustHave(content)
}

func TestAnInterruptedBackupIsNone(t *testing.T) {
	i := install(t, "")
	for range 20 {
		i.add(random(100<<10), true)
	}
	target := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := backup.Take(ctx, i.Installation, target, backup.Options{Progress: func(string, ...any) { cancel() }}) // the blobs are copied
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted backup says %v", err)
	}
	if all, err := backup.List(t.Context(), target); err != nil || len(all) != 0 {
		t.Errorf("it left %d snapshots: %v", len(all), err)
	}
	if _, err := backup.Restore(t.Context(), target, "", placeFor(t, ""), nil); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("restoring it: %v", err)
	}
	if taken := take(t, i, target, backup.Options{Keep: 1}); taken.Copied.Count != 0 || taken.Blobs.Count != 20 {
		t.Errorf("the next one copied %+v of %+v", taken.Copied, taken.Blobs)
	}
	if files := filesBelow(t, target); slices.ContainsFunc(files, func(name string) bool { return strings.Contains(name, ".unfinished-") }) {
		t.Errorf("left over: %q", files)
	}
}

func filesBelow(t *testing.T, root string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(name, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestABackupKeepsTheTrash(t *testing.T) {
	i := install(t, "")
	asked := 0
	take(t, i, t.TempDir(), backup.Options{Progress: func(string, ...any) {
		asked++
		if _, claimed, err := i.store.ClaimTrash(t.Context()); claimed || err != nil {
			t.Errorf("the trash could be emptied: %v, %v", claimed, err)
		}
	}})
	if asked == 0 {
		t.Error("nothing was asked")
	}
	release, claimed, err := i.store.ClaimTrash(t.Context())
	if !claimed || err != nil {
		t.Fatalf("after the backup: %v, %v", claimed, err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestDamagedBlobsAreSaid(t *testing.T) {
	i := install(t, "")
	whole := random(100 << 10)
	i.add(whole, true)
	_, missing := i.add(random(100<<10), true)
	_, changed := i.add(random(100<<10), true)
	if err := i.blobs.Remove(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	if err := i.blobs.Adopt(t.Context(), changed, bytes.NewReader(random(100<<10))); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	taken := take(t, i, target, backup.Options{})
	if len(taken.Damaged) != 2 || taken.Blobs.Count != 1 {
		t.Errorf("the backup says %+v", taken.Snapshot)
	}
	again, restored := restore(t, target, placeFor(t, ""))
	if len(restored.Lost) != 2 {
		t.Errorf("the restored says %+v", restored.Lost)
	}
	again.mustHave(whole)
}

func TestOldSnapshotsGo(t *testing.T) {
	i := install(t, "")
	target := t.TempDir()
	old, kept := random(100<<10), random(100<<10)
	d, _ := i.add(old, true)
	i.add(kept, true)
	first := take(t, i, target, backup.Options{})
	i.update(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.UnlinkBlob(ctx, i.repo, d.String())
		return err
	})
	raw(t, i.Database, "DELETE FROM blob_checks")
	raw(t, i.Database, "DELETE FROM blobs WHERE digest = '"+d.String()+"'")
	if second := take(t, i, target, backup.Options{Keep: 2}); len(second.Removed) != 0 || second.Dropped.Count != 0 {
		t.Errorf("keeping two removed %v and %+v", second.Removed, second.Dropped)
	}
	third := take(t, i, target, backup.Options{Keep: 1})
	if len(third.Removed) != 2 || third.Removed[0] != first.Name || third.Dropped != (backup.Totals{Count: 1, Bytes: 100 << 10}) {
		t.Errorf("keeping one removed %v and %+v", third.Removed, third.Dropped)
	}
	again, _ := restore(t, target, placeFor(t, ""))
	again.mustHave(kept)
}

func TestKeysAreInABackupThatWasToldTo(t *testing.T) {
	i := install(t, "")
	without, with := t.TempDir(), t.TempDir()
	take(t, i, without, backup.Options{})
	if files := filesBelow(t, without); slices.ContainsFunc(files, func(name string) bool { return strings.Contains(name, "key") && !strings.HasSuffix(name, ".gz") }) {
		t.Errorf("the backup holds %q", files)
	}
	if taken := take(t, i, with, backup.Options{WithKeys: true}); !slices.Equal(taken.Keys, []string{"seal-keys", "server.key"}) {
		t.Errorf("it has the keys %q", taken.Keys)
	}
	to := placeFor(t, "")
	if _, restored := restore(t, with, to); restored.NeedsKey {
		t.Error("the restored server lacks its key")
	}
	for name, want := range map[string]string{"keys/server.key": strings.Repeat("ab", 32) + "\n", "seal-keys": "a ring\n"} {
		full := filepath.Join(to.Data, name)
		text, err := os.ReadFile(full)
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		if info, err := os.Stat(full); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v: %v", name, info.Mode(), err)
		}
	}
}

func TestRestoreWantsAnEmptyPlace(t *testing.T) {
	i := install(t, "")
	content := random(100 << 10)
	i.add(content, true)
	target := t.TempDir()
	take(t, i, target, backup.Options{})

	if _, err := backup.Restore(t.Context(), target, "", i.Installation, nil); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into the installation itself: %v", err)
	}
	blobsThere := placeFor(t, "")
	blobsThere.Blobs = install(t, "").Blobs
	other, err := file.Open(strings.TrimPrefix(blobsThere.Blobs, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	d := digest.FromString("other")
	if err := other.Adopt(t.Context(), blob.Location(d.Encoded()[:2]+"/"+d.Encoded()+"."+uuid.NewString()), strings.NewReader("other")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), target, "", blobsThere, nil); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("beside other blobs: %v", err)
	}
}

func TestAnInterruptedRestoreGoesOn(t *testing.T) {
	i := install(t, "")
	content := random(100 << 10)
	i.add(content, true)
	target, to := t.TempDir(), placeFor(t, "")
	take(t, i, target, backup.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := backup.Restore(ctx, target, "", to, func(string, ...any) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted restore says %v", err)
	}
	again, restored := restore(t, target, to)
	if restored.Copied.Count != 0 {
		t.Errorf("it copied %+v again", restored.Copied)
	}
	again.mustHave(content)
}

func TestADamagedDumpIsNotRestored(t *testing.T) {
	i := install(t, "")
	for range 100 {
		i.add(random(10), false)
	}
	target := t.TempDir()
	taken := take(t, i, target, backup.Options{})
	for _, change := range []func(text []byte) []byte{
		func(text []byte) []byte { return text[:len(text)/2] },
		func(text []byte) []byte { return append(text, 0) },
		func(text []byte) []byte { text[len(text)/2] ^= 1; return text },
	} {
		name := filepath.Join(target, "snapshots", taken.Name, "repository_blobs.jsonl.gz")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, change(slices.Clone(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		to := placeFor(t, "")
		if _, err := backup.Restore(t.Context(), target, "", to, nil); err == nil {
			t.Error("a damaged backup was restored")
		}
		if err := store.Empty(t.Context(), to.Database); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restore(t, target, placeFor(t, ""))
}
