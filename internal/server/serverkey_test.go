package server

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/kms"
)

// A server key belongs to a database: the server starts with no other, nor makes
// another one where that one is missing.
func TestServerKeyFitsTheDatabase(t *testing.T) {
	other := strings.Repeat("0f", 32) + "\n"
	for name, test := range map[string]struct {
		key       string // "" is none
		unchecked bool   // as a restored database is, or one of an older version
		want      string // "" is a start
	}{
		"right":                       {key: "right"},
		"right, unchecked":            {key: "right", unchecked: true},
		"another":                     {key: other, want: "is not the one that this database belongs to"},
		"another, unchecked":          {key: other, unchecked: true, want: "is not the one that this database belongs to"},
		"none":                        {want: "there is no server key at"},
		"none, unchecked":             {unchecked: true, want: "there is no server key at"},
		"malformed, and nothing lost": {key: "0f", want: "must be 32 bytes in hexadecimal"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ring := "file:" + filepath.Join(dir, "seal-keys")
			err := openWith(t, dir, ring, func(s *server) {
				if _, err := s.identities.ReplaceRootAccessKeys(t.Context(), config.Default().Account); err != nil {
					t.Fatal(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			path := credentials.ServerKeyPath(dir)
			switch test.key {
			case "right":
			case "":
				err = os.Remove(path)
			default:
				err = os.WriteFile(path, []byte(test.key), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.unchecked {
				forgetServerKey(t, filepath.Join(dir, "nifuda.db"))
			}
			for range 2 { // what was refused is refused again
				err = openWith(t, dir, ring, func(*server) {})
				switch {
				case test.want == "" && err != nil:
					t.Errorf("it does not start: %v", err)
				case test.want != "" && (err == nil || !strings.Contains(err.Error(), "--server-key: ") || !strings.Contains(err.Error(), test.want)):
					t.Errorf("it says %v, want %s", err, test.want)
				}
			}
			if _, err := os.Stat(path); (err == nil) != (test.key != "") {
				t.Errorf("the file of the key: %v", err)
			}
		})
	}
}

// Whoever starts a restored or moved server with neither of its keys is told of
// one, and then brings both.
func TestAStartThatFailsDoesNotBindTheServerKey(t *testing.T) {
	dir := t.TempDir()
	ring := filepath.Join(dir, "seal-keys")
	err := openWith(t, dir, "file:"+ring, func(s *server) {
		if _, err := s.kms.CreateKey(t.Context(), kms.NewKey{Place: kms.Place{Account: config.Default().Account, Region: "us-east-1"}}); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	forgetServerKey(t, filepath.Join(dir, "nifuda.db"))
	kept := t.TempDir()
	for _, path := range []string{ring, credentials.ServerKeyPath(dir)} {
		if err := os.Rename(path, filepath.Join(kept, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	if err := openWith(t, dir, "file:"+ring, func(*server) {}); err == nil || !strings.Contains(err.Error(), "--seal-keys: there is no key ring") {
		t.Fatalf("without its keys it says %v", err)
	}
	for _, path := range []string{ring, credentials.ServerKeyPath(dir)} {
		if err := os.Rename(filepath.Join(kept, filepath.Base(path)), path); err != nil {
			t.Fatal(err)
		}
	}
	if err := openWith(t, dir, "file:"+ring, func(*server) {}); err != nil {
		t.Errorf("with its keys it says %v", err)
	}
}

// forgetServerKey removes the check of the server key from a database.
func forgetServerKey(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DELETE FROM progress WHERE work = $1", serverKeyWork); err != nil {
		t.Fatal(err)
	}
}
