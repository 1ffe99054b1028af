package httpx_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
)

// newPair returns a self-signed certificate and its key in PEM.
func newPair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func writeAt(t *testing.T, path string, content []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func nameOf(t *testing.T, c *httpx.Certificate) string {
	t.Helper()
	pair, err := c.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.Subject.CommonName
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	now := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
	install := func(cert, key []byte) { writeAt(t, certFile, cert, now); writeAt(t, keyFile, key, now) }
	cert, key := newPair(t, "first")
	install(cert, key)
	var log bytes.Buffer
	c, err := httpx.LoadCertificate(certFile, keyFile, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name   string
		change func()
		after  time.Duration
		want   string
		logged string
	}{
		{"nothing", func() {}, time.Second, "first", ""},
		{"new pair, too early", func() { now = now.Add(time.Millisecond); install(newPair(t, "second")) }, 900 * time.Millisecond, "first", ""},
		{"new pair", func() {}, 100 * time.Millisecond, "second", "certificate reloaded"},
		{"new certificate without its key", func() { cert, key = newPair(t, "third"); writeAt(t, certFile, cert, now) }, time.Second, "second", "the previous one stays"},
		{"still so", func() {}, time.Second, "second", ""},
		{"its key", func() { writeAt(t, keyFile, key, now) }, time.Second, "third", "certificate reloaded"},
		{"garbage", func() { writeAt(t, certFile, []byte("garbage"), now) }, time.Second, "third", "the previous one stays"},
		{"gone", func() { os.Remove(certFile) }, time.Second, "third", "the previous one stays"},
		{"still gone", func() {}, time.Second, "third", ""},
		{"back", func() { install(newPair(t, "fourth")) }, time.Second, "fourth", "certificate reloaded"},
	}
	for _, step := range steps {
		log.Reset()
		step.change()
		now = now.Add(step.after)
		if got := nameOf(t, c); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
		if got := log.String(); (step.logged == "") != (got == "") || !strings.Contains(got, step.logged) {
			t.Errorf("%s: logged %q", step.name, got)
		}
	}
}

func TestCertificateMustBeGoodAtTheStart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	load := func() error {
		_, err := httpx.LoadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler), time.Now)
		return err
	}
	if err := load(); err == nil || !strings.Contains(err.Error(), "load certificate") {
		t.Errorf("no files: %v", err)
	}
	cert, _ := newPair(t, "one")
	_, key := newPair(t, "two")
	writeAt(t, certFile, cert, time.Now())
	writeAt(t, keyFile, key, time.Now())
	if err := load(); err == nil {
		t.Error("took the key of another certificate")
	}
}

func TestCertificateServesTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert, key := newPair(t, "registry.example.com")
	writeAt(t, certFile, cert, time.Now())
	writeAt(t, keyFile, key, time.Now())
	c, err := httpx.LoadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, "ok") }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	go func() { _ = server.Config.Serve(tls.NewListener(server.Listener, c.TLSConfig())) }()
	defer server.Config.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	address := server.Listener.Addr().String()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "registry.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "registry.example.com", MaxVersion: tls.VersionTLS11}); err == nil {
		conn.Close()
		t.Error("spoke TLS 1.1")
	}
}
