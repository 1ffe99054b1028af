package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
)

func TestWalkPassesOverForeignFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	location, d, err := begin(t, s, "hello").Commit(t.Context(), digest.FromString("hello"))
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Dir(filepath.FromSlash(string(location)))
	for _, name := range []string{
		"README", "ab", filepath.Join(there, "README"), filepath.Join(there, d.Encoded()),
		filepath.Join(there, d.Encoded()+"."+uuid.NewString()+".tmp"), filepath.Join("lost+found", "x"), filepath.Join("00", d.Encoded()+"."+uuid.NewString()),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, there, d.Encoded()+"."+uuid.NewString()), 0o700); err != nil {
		t.Fatal(err)
	}
	var got []blob.Object
	if err := s.Walk(t.Context(), func(o blob.Object) error { got = append(got, o); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Location != location || got[0].Digest != d || got[0].Size != 5 {
		t.Errorf("Walk: %+v, want only %s", got, location)
	}
}

func TestWalkOfMoreThanABatch(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const many = 600
	hex := digest.FromString("hello").Encoded()
	if err := os.Mkdir(filepath.Join(dir, hex[:2]), 0o700); err != nil {
		t.Fatal(err)
	}
	for range many {
		if err := os.WriteFile(filepath.Join(dir, hex[:2], hex+"."+uuid.NewString()), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	err := s.Walk(t.Context(), func(o blob.Object) error {
		seen++
		return s.Remove(t.Context(), o.Location)
	})
	if err != nil || seen != many {
		t.Errorf("Walk: %d, %v, want %d", seen, err, many)
	}
}
