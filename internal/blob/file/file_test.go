package file_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/blobtest"
	"github.com/nifuda/nifuda/internal/blob/file"
)

func open(t testing.TB, dir string) *file.Store {
	t.Helper()
	s, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func begin(t testing.TB, s *file.Store, content string) blob.Writer {
	t.Helper()
	w, err := s.Create(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	return w
}

func save(t testing.TB, w blob.Writer) []byte {
	t.Helper()
	state, err := w.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func put(t testing.TB, s *file.Store, content string) blob.Location {
	t.Helper()
	location, _, err := begin(t, s, content).Commit(t.Context(), digest.FromString(content))
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// files lists the regular files of a store.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestStoreKeepsTheContract(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "blobs")
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, dir) })
	if left := files(t, filepath.Join(dir, "uploads")); len(left) != 0 {
		t.Errorf("uploads are left though each was committed or dropped: %q", left)
	}
}

func TestLocationIsThePathOfTheFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, d := range []digest.Digest{digest.FromString("hello"), digest.SHA512.FromString("hello")} {
		location, _, err := begin(t, s, "hello").Commit(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if prefix := d.Encoded()[:2] + "/" + d.Encoded() + "."; !strings.HasPrefix(string(location), prefix) {
			t.Errorf("location %s, want one that begins with %s", location, prefix)
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(string(location))))
		if err != nil || string(got) != "hello" {
			t.Errorf("file of %s: %q, %v", location, got, err)
		}
	}
}

func TestNobodyElseCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits on Windows")
	}
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir)
	put(t, s, "finished")
	save(t, begin(t, s, "unfinished"))
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// net/http uses sendfile for an *os.File only.
func TestOpenReturnsTheFileItself(t *testing.T) {
	s := open(t, t.TempDir())
	r, err := s.Open(t.Context(), put(t, s, "hello"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*os.File); !ok {
		t.Errorf("Open returned a %T, want an *os.File", r)
	}
}

func TestReaderOutlivesRemove(t *testing.T) {
	s := open(t, t.TempDir())
	location := put(t, s, "hello")
	r, err := s.Open(t.Context(), location, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Remove(t.Context(), location); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
		t.Errorf("read after Remove: %q, %v", got, err)
	}
}

func TestHostileLocationsReachNothing(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "blobs")
	s := open(t, dir)
	good := string(put(t, s, "hello"))
	id, err := file.UploadID(save(t, begin(t, s, "unfinished")))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(base, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(files(t, base))
	for _, location := range []string{
		"", ".", "/", "..", "../secret", filepath.Join(base, "secret"), good[:2], good[:2] + "/",
		"uploads", "uploads/" + id, good[:2] + "/../uploads/" + id,
		"/" + good, "./" + good, good + "/", good + "\x00", good[:2] + "/../" + good,
		strings.ReplaceAll(good, "/", `\`), strings.ToUpper(good), "00" + good[2:],
		good[:len(good)-1], good[:2] + "/" + good[4:], strings.Replace(good, ".", "..", 1),
	} {
		r, err := s.Open(t.Context(), blob.Location(location), nil, 0)
		if err == nil {
			r.Close()
		}
		if !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open(%q): %v, want ErrNotFound", location, err)
		}
		if err := s.Remove(t.Context(), blob.Location(location)); err == nil {
			t.Errorf("Remove(%q): no error", location)
		}
	}
	if after := len(files(t, base)); after != before {
		t.Errorf("%d of %d files are left", after, before)
	}
}

func TestASymbolicLinkDoesNotLeadOut(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "blobs")
	s := open(t, dir)
	location := put(t, s, "hello")
	secret := filepath.Join(base, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, filepath.FromSlash(string(location)))
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, name); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if r, err := s.Open(t.Context(), location, nil, 0); err == nil {
		r.Close()
		t.Error("Open followed a link out of the directory")
	}
}

func TestOpenOfAFileOrAnUnusablePathFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{name, filepath.Join(name, "blobs")} {
		if s, err := file.Open(dir); err == nil {
			s.Close()
			t.Errorf("Open(%s): no error", dir)
		}
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	location := put(t, open(t, dir), "hello")
	if err := os.Remove(filepath.Join(dir, "uploads")); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	for _, content := range []string{"hello", "world"} {
		put(t, s, content)
	}
	r, err := s.Open(t.Context(), location, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}
