package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/kms"
)

// A remoteKMS is another nifuda that keeps the key of a server's key ring.
type remoteKMS struct {
	keys *kms.Service
	key  kms.KeyID
	http *httptest.Server
}

// startRemoteKMS starts one. Its root key is what the environment has.
func startRemoteKMS(t *testing.T) *remoteKMS {
	t.Helper()
	var remote remoteKMS
	f := newServer(t, "sqlite:"+filepath.Join(t.TempDir(), "nifuda.db"), func(s *server) { remote.keys = s.kms })
	key, err := remote.keys.CreateKey(t.Context(), kms.NewKey{Place: kms.Place{Account: f.account, Region: f.region}})
	if err != nil {
		t.Fatal(err)
	}
	remote.key, remote.http = key.KeyID, httptest.NewServer(f.handler)
	t.Cleanup(remote.http.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", f.root.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", f.root.SecretAccessKey)
	return &remote
}

func (k *remoteKMS) setting() string {
	return "kms:" + k.key.ARN() + "?endpoint=" + url.QueryEscape(k.http.URL)
}

// openWith starts what a server is made of, in a data directory, and stops it.
func openWith(t *testing.T, dir, sealKeys string, do func(*server)) error {
	t.Helper()
	c := config.Default()
	c.Data, c.SealKeys = dir, sealKeys
	c.ServerKey = "file:" + credentials.ServerKeyPath(dir)
	c.Database, c.Blobs, c.Audit = "sqlite:"+filepath.Join(dir, "nifuda.db"), "file:"+filepath.Join(dir, "blobs"), config.AuditOff
	s := &server{
		Options: Options{Config: c, Getenv: func(string) string { return "" }, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)},
		metrics: prometheus.NewRegistry(),
	}
	err := s.open(t.Context())
	if err == nil {
		do(s)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	return err
}

func TestKeyRingInAnotherKMS(t *testing.T) {
	remote, dir, ctx := startRemoteKMS(t), t.TempDir(), t.Context()
	var wrapped []byte
	err := openWith(t, dir, remote.setting(), func(s *server) {
		key, err := s.kms.CreateKey(ctx, kms.NewKey{Place: remote.key.Place})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := s.kms.Encrypt(ctx, key.KeyID, []byte("a secret"), nil)
		if err != nil {
			t.Fatal(err)
		}
		wrapped = sealed.Ciphertext
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "seal-keys.kms"))
	if err != nil || !json.Valid(text) || !bytes.Contains(text, []byte(remote.key.ARN())) {
		t.Errorf("the ring is kept as %s, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "seal-keys")); err == nil {
		t.Error("there is a ring that anybody can open")
	}
	open := func() error {
		return openWith(t, dir, remote.setting(), func(s *server) {
			id, err := s.kms.KeyOf(ctx, remote.key.Region, wrapped)
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := s.kms.Decrypt(ctx, id, wrapped, nil); err != nil || string(opened.Plaintext) != "a secret" {
				t.Errorf("after a restart: %q, %v", opened.Plaintext, err)
			}
		})
	}
	if err := open(); err != nil {
		t.Error(err)
	}
	refused := func(parts ...string) {
		t.Helper()
		err := open()
		if err == nil {
			t.Error("the server starts")
			return
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error lacks %q: %v", part, err)
			}
		}
	}
	if err := remote.keys.Disable(ctx, remote.key); err != nil {
		t.Fatal(err)
	}
	refused("--seal-keys", "DisabledException", remote.key.ARN()+" is disabled.")
	if err := remote.keys.Enable(ctx, remote.key); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Error(err)
	}
	remote.http.Close()
	refused("--seal-keys", remote.http.URL)
}

// A ring that was in a file until now stays the ring, and what it wrapped opens.
func TestKMSTakesOverAKeyRing(t *testing.T) {
	remote, dir, ctx := startRemoteKMS(t), t.TempDir(), t.Context()
	plain := filepath.Join(dir, "seal-keys")
	var key kms.Key
	err := openWith(t, dir, "file:"+plain, func(s *server) {
		var err error
		if key, err = s.kms.CreateKey(ctx, kms.NewKey{Place: remote.key.Place}); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err = openWith(t, dir, remote.setting(), func(s *server) {
			if _, err := s.kms.Encrypt(ctx, key.KeyID, []byte("a secret"), nil); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(plain); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func TestSealKeysOfAMalformedKMS(t *testing.T) {
	for _, setting := range []string{"kms:alias/app", "kms:arn:aws:kms:us-east-1:123456789012:key/1?endpoint=localhost"} {
		err := openWith(t, t.TempDir(), setting, func(*server) { t.Errorf("%s was taken", setting) })
		if err == nil || !strings.Contains(err.Error(), "--seal-keys") {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
