package keyring_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/keyring"
)

// line returns a line of a ring.
func line(id string, fill byte) string {
	return id + " " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) + "\n"
}

func source(t testing.TB, where string, environment ...string) keyring.Source {
	t.Helper()
	s, err := keyring.ParseSource(where, func(string) string { return strings.Join(environment, "") })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, s keyring.Source) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(t.Context(), s, true)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARingOpensWhatItWrappedForThePurpose(t *testing.T) {
	r := open(t, source(t, "env:RING", line("new", 1)+line("old", 2)))
	wrapped, err := r.Wrap(t.Context(), []byte("secret"), "blob")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Unwrap(t.Context(), wrapped, "blob"); err != nil || string(got) != "secret" {
		t.Errorf("Unwrap: %q, %v", got, err)
	}
	if id, err := keyring.WrappedBy(wrapped); id != "new" || err != nil {
		t.Errorf("wrapped by %q, %v", id, err)
	}
	if _, err := r.Unwrap(t.Context(), wrapped, "other"); !errors.Is(err, keyring.ErrDamaged) {
		t.Errorf("Unwrap for another purpose: %v", err)
	}
	if _, err := open(t, source(t, "env:RING", line("old", 2))).Unwrap(t.Context(), wrapped, "blob"); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("Unwrap by a ring without the key: %v", err)
	}
	if _, err := open(t, source(t, "env:RING", line("new", 2))).Unwrap(t.Context(), wrapped, "blob"); !errors.Is(err, keyring.ErrDamaged) {
		t.Errorf("Unwrap by another key of the name: %v", err)
	}
	for at := range wrapped {
		damaged := slices.Clone(wrapped)
		damaged[at] ^= 1
		if _, err := r.Unwrap(t.Context(), damaged, "blob"); err == nil {
			t.Errorf("Unwrap with byte %d changed: no error", at)
		}
		if _, err := r.Unwrap(t.Context(), wrapped[:at], "blob"); err == nil {
			t.Errorf("Unwrap of %d bytes: no error", at)
		}
	}
}

func TestAFileIsMadeForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "ring")
	if _, err := keyring.Open(t.Context(), source(t, "file:"+path), false); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open without a file: %v", err)
	}
	first := open(t, source(t, "file:"+path))
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again := open(t, source(t, "file:"+path)); again.Current() != first.Current() {
		t.Error("another ring was made")
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), source(t, "file:"+path), true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a ring that others can read: %v", err)
	}
}

func TestRotateKeepsTheOldKeysUntilTheyAreRemoved(t *testing.T) {
	where := source(t, "file:"+filepath.Join(t.TempDir(), "ring"))
	r, other := open(t, where), open(t, where)
	old := r.Current()
	wrapped, err := r.Wrap(t.Context(), []byte("secret"), "blob")
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.Rotate(t.Context())
	if err != nil || r.Current() != id || !slices.Equal(r.Keys(), []string{id, old}) {
		t.Fatalf("Rotate: %q, %v, keys %v", id, err, r.Keys())
	}
	if got, err := r.Unwrap(t.Context(), wrapped, "blob"); err != nil || string(got) != "secret" {
		t.Errorf("Unwrap after it: %q, %v", got, err)
	}
	// Another process learns of the key when it meets it.
	newer, err := r.Wrap(t.Context(), []byte("newer"), "blob")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Unwrap(t.Context(), newer, "blob"); err != nil || string(got) != "newer" {
		t.Errorf("Unwrap elsewhere: %q, %v", got, err)
	}
	if err := r.Remove(t.Context(), id); !errors.Is(err, keyring.ErrCurrentKey) {
		t.Errorf("Remove of the current key: %v", err)
	}
	if err := r.Remove(t.Context(), "none"); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("Remove of no key: %v", err)
	}
	if err := r.Remove(t.Context(), old); err != nil || !slices.Equal(open(t, where).Keys(), []string{id}) {
		t.Errorf("Remove: %v", err)
	}
}

func TestWhatIsKeptElsewhereIsNotChanged(t *testing.T) {
	r := open(t, source(t, "env:RING", line("a", 1)))
	if _, err := r.Rotate(t.Context()); !errors.Is(err, keyring.ErrFixed) {
		t.Errorf("Rotate: %v", err)
	}
	if r.Current() != "a" {
		t.Errorf("the current key is %s", r.Current())
	}
}

func TestACommandPrintsTheRing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are the shell's")
	}
	path := filepath.Join(t.TempDir(), "ring")
	if err := os.WriteFile(path, []byte("# a comment\n\n"+line("a", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := open(t, source(t, "command:cat "+path)).Keys(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("keys %v", got)
	}
	for command, want := range map[string]string{
		"echo topsecret; exit 3": "failed",
		"echo topsecret":         "want an id",
		"yes topsecret":          "failed",
		"true":                   "no key",
	} {
		_, err := keyring.Open(t.Context(), source(t, "command:"+command), true)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v, want %s and nothing of what it prints", command, err, want)
		}
	}
}

func TestAMalformedRingIsRefusedWithoutShowingIt(t *testing.T) {
	good := strings.TrimSpace(strings.TrimPrefix(line("", 9), " "))
	for name, text := range map[string]string{
		"no id":       good + "\n",
		"short":       "a " + good[:20] + "\n",
		"no base64":   "a !" + good + "\n",
		"hostile id":  "a/b " + good + "\n",
		"id twice":    line("a", 1) + line("a", 2),
		"only spaces": "  \n",
	} {
		_, err := keyring.Open(t.Context(), source(t, "env:RING", text), true)
		if err == nil || strings.Contains(err.Error(), good[:10]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyring.ParseSource("vault:x", nil); err == nil {
		t.Error("an unknown source: no error")
	}
}

func FuzzUnwrap(f *testing.F) {
	r := open(f, source(f, "env:RING", line("a", 1)))
	wrapped, err := r.Wrap(f.Context(), []byte("secret"), "blob")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(wrapped[:20])
	f.Add([]byte{1, 255, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := r.Unwrap(t.Context(), b, "blob"); err == nil && !bytes.Equal(b, wrapped) {
			t.Errorf("opened what nobody wrapped: %x", b)
		}
	})
}
