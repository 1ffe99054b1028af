package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openUploads(t *testing.T) (f uploadFiles, dir string) {
	dir = t.TempDir()
	f, err := openUploadFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	return f, dir
}

func TestWhatACrashMadeOfAStateIsNoUpload(t *testing.T) {
	whole := encodeUpload(Upload{RepositoryID: "r", Size: 3, Content: []byte("abc"), UpdatedAt: 5})
	damaged := map[string][]byte{"empty": {}, "zeros": make([]byte, len(whole)), "longer": append(slices.Clip(whole), 0)}
	for i := range len(whole) {
		damaged["cut at "+string(rune('a'+i))] = whole[:i]
	}
	for name, text := range damaged {
		f, dir := openUploads(t)
		if err := os.WriteFile(filepath.Join(dir, "id"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.get(t.Context(), "id"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want %v", name, err, ErrNotFound)
		}
		want := Upload{ID: "id", RepositoryID: "r", UpdatedAt: 6}
		if err := f.put(t.Context(), want); err != nil {
			t.Fatalf("%s: save again: %v", name, err)
		}
		if got, err := f.get(t.Context(), "id"); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: saved again it reads %+v, %v", name, got, err)
		}
	}
}

func TestACrashWhileReplacingLeavesTheStateBefore(t *testing.T) {
	f, dir := openUploads(t)
	before := Upload{ID: "id", RepositoryID: "r", Size: 1, UpdatedAt: 5}
	if err := f.put(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	// What a process leaves that dies before the rename.
	if err := os.WriteFile(filepath.Join(dir, "id"+next), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.get(t.Context(), "id"); err != nil || !cmp.Equal(got, before) {
		t.Errorf("got %+v, %v, want %+v", got, err, before)
	}
	after := Upload{ID: "id", RepositoryID: "r", Size: 2, UpdatedAt: 6}
	if err := f.put(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if got, err := f.get(t.Context(), "id"); err != nil || !cmp.Equal(got, after) {
		t.Errorf("got %+v, %v, want %+v", got, err, after)
	}
}

func TestTornStatesAreSweptOnceTheyAreOld(t *testing.T) {
	f, dir := openUploads(t)
	old := time.Now().Add(-time.Hour)
	for name, changed := range map[string]time.Time{"old": old, "old" + next: old, "new": time.Now()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	if stale, err := f.stale(t.Context(), old.Add(time.Minute).UnixMilli(), 10); err != nil || len(stale) != 0 {
		t.Fatalf("%d stale uploads, %v, want none", len(stale), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "new" {
		t.Errorf("left are %v, %v, want the new one", left, err)
	}
}

func FuzzDecodeUpload(f *testing.F) {
	f.Add(encodeUpload(Upload{}))
	f.Add(encodeUpload(Upload{RepositoryID: "r", Size: 1 << 40, SmallPart: true, Content: []byte("abc"), WriterState: []byte{}, UpdatedAt: -1}))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := decodeUpload(text)
		if err != nil {
			return
		}
		again, err := decodeUpload(encodeUpload(u))
		if err != nil || !cmp.Equal(u, again) {
			t.Errorf("%+v reads back as %+v, %v", u, again, err)
		}
	})
}
