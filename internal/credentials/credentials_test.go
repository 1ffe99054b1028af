package credentials_test

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/credentials"
)

func write(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func wantPrivate(t *testing.T, path string) {
	t.Helper()
	for _, check := range []struct {
		path string
		mode fs.FileMode
	}{{path, 0o600}, {filepath.Dir(path), 0o700}} {
		info, err := os.Stat(check.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != check.mode {
			t.Errorf("%s has mode %04o, want %04o", check.path, got, check.mode)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			t.Errorf("temporary file %s is left over", entry.Name())
		}
	}
}

func TestServerKeyIsMadeOnce(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	first, err := serverKey(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 32 {
		t.Errorf("%d bytes", len(first))
	}
	wantPrivate(t, filepath.Join(data, "keys", "server.key"))
	second, err := serverKey(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(first, second) {
		t.Error("the second start got another key")
	}
	other, err := serverKey(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(first, other) {
		t.Error("two servers got one key")
	}
}

func TestServerKeyRaceOfTwoStarts(t *testing.T) {
	data := t.TempDir()
	keys := make([][]byte, 8)
	var starts sync.WaitGroup
	for i := range keys {
		starts.Go(func() {
			key, err := serverKey(t, data)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	starts.Wait()
	for _, key := range keys[1:] {
		if !cmp.Equal(keys[0], key) {
			t.Fatal("two starts got two keys")
		}
	}
}

func TestServerKeyRefusesABadFile(t *testing.T) {
	good := strings.Repeat("0f", 32)
	tests := []struct {
		name, content string
		mode          fs.FileMode
		want          string
	}{
		{"short", good[2:], 0o600, "must be 32 bytes in hexadecimal (64 digits)"},
		{"long", good + "00", 0o600, "must be 32 bytes in hexadecimal (64 digits)"},
		{"empty", "", 0o600, "must be 32 bytes in hexadecimal (64 digits)"},
		{"not hexadecimal", "x" + good[1:], 0o600, "must be 32 bytes in hexadecimal (64 digits)"},
		{"readable by all", good, 0o644, "is open to others than its owner (mode 0644): run chmod 600 on it"},
		{"readable by the group", good, 0o640, "is open to others than its owner (mode 0640): run chmod 600 on it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && test.mode != 0o600 {
				t.Skip("modes mean nothing here")
			}
			data := t.TempDir()
			path := filepath.Join(data, "keys", "server.key")
			write(t, path, test.content, test.mode)
			_, err := serverKey(t, data)
			if err == nil || !strings.HasSuffix(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "0f0f") {
				t.Errorf("%v tells the key", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != test.content {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
}

func TestServerKeyMayBeTheOperatorsOwn(t *testing.T) {
	data := t.TempDir()
	want := strings.Repeat("0f", 32)
	write(t, filepath.Join(data, "keys", "server.key"), "  "+strings.ToUpper(want)+"\r\n", 0o400)
	got, err := serverKey(t, data)
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("got %x, %v", got, err)
	}
}

func serverKey(t *testing.T, data string) ([]byte, error) {
	t.Helper()
	return credentials.ServerKey(t.Context(), credentials.FileSource(credentials.ServerKeyPath(data)), true)
}

// Nodes are given one key by what starts them. Nobody makes one in its place.
func TestServerKeyFromElsewhere(t *testing.T) {
	const text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	getenv := func(name string) string { return map[string]string{"KEY": text, "SHORT": "0f"}[name] }
	for where, want := range map[string]string{
		"env:KEY":                "",
		"command:echo " + text:   "",
		"env:SHORT":              "must be 32 bytes in hexadecimal",
		"env:NONE":               "the variable is empty or not set",
		"command:echo topsecret": "from the command of --server-key must be 32 bytes",
		"command:exit 3":         "the command failed",
	} {
		source, err := credentials.ParseSource("--server-key", where, getenv)
		if err != nil {
			t.Fatal(err)
		}
		key, err := credentials.ServerKey(t.Context(), source, true)
		switch {
		case want == "" && (err != nil || hex.EncodeToString(key) != text):
			t.Errorf("%s: %x, %v", where, key, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "topsecret")):
			t.Errorf("%s: %v, want %s", where, err, want)
		}
	}
}
