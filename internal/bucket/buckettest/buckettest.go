// Package buckettest gives tests a bucket of a real S3 server.
package buckettest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// The credentials of the server.
const (
	accessKey = "bucket"
	secretKey = "bucket-secret"
)

// A Server is an S3 server with one bucket.
type Server struct {
	Address string // host:port
	Bucket  string
	// Root is the directory that has the bucket's objects as files.
	Root string

	binary, sidecar string
	process         *exec.Cmd
	log             *lockedBuffer
}

// Start starts a server, which ends with the test, and gives the process its
// credentials. Without its binary the test is skipped, or fails where CI=true.
func Start(t *testing.T) *Server {
	t.Helper()
	directory := t.TempDir()
	s := &Server{
		Address: freeAddress(t), Bucket: "nifuda", binary: find(t),
		Root: filepath.Join(directory, "root"), sidecar: filepath.Join(directory, "sidecar"), log: new(lockedBuffer),
	}
	for _, name := range []string{filepath.Join(s.Root, s.Bucket), s.sidecar} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(directory, "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(directory, "none"))
	s.Resume(t)
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the end of the S3 server's log:\n%s", s.log.end())
		}
	})
	return s
}

// Stop ends the server at once. What it has stays.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// Resume starts a server that was stopped.
func (s *Server) Resume(t *testing.T) {
	t.Helper()
	s.process = exec.Command(s.binary, "--port", s.Address, "--access", accessKey, "--secret", secretKey, "posix", "--sidecar", s.sidecar, s.Root)
	s.process.Dir, s.process.Stdout, s.process.Stderr = filepath.Dir(s.Root), s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		connection, err := net.Dial("tcp", s.Address)
		if err == nil {
			connection.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not listen: %v\n%s", err, s.log.end())
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// URL returns the address of the bucket below a prefix, as --blobs takes it, with
// more parameters such as "redirect", "off".
func (s *Server) URL(prefix string, more ...string) string {
	return s.URLAt(s.Address, prefix, more...)
}

// URLAt is URL for a server that is reached at another address.
func (s *Server) URLAt(address, prefix string, more ...string) string {
	query := url.Values{"endpoint": {"http://" + address}, "region": {"us-east-1"}, "path-style": {"true"}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return "s3://" + s.Bucket + "/" + prefix + "?" + query.Encode()
}

func find(t *testing.T) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	var places []string
	if clients := os.Getenv("NIFUDA_CLIENTS"); clients != "" {
		places = append(places, filepath.Join(clients, "versitygw"))
	}
	if filepath.IsAbs(here) {
		built, _ := filepath.Glob(filepath.Join(filepath.Dir(here), "../../../.cache/clients/*/versitygw"))
		places = append(places, built...)
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	if found, err := exec.LookPath("versitygw"); err == nil {
		return found
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("versitygw is missing: make clients builds it, and NIFUDA_CLIENTS says where")
	}
	t.Skip("versitygw is missing: make clients builds it, and NIFUDA_CLIENTS says where")
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A lockedBuffer takes what a process prints.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) end() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.String()
	return text[max(0, len(text)-4000):]
}
