package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/console"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/store"
)

// rootKey returns the root user's access key and writes the AWS files of the
// first start.
func (s *server) rootKey(ctx context.Context, endpoint string) (credentials.RootKey, error) {
	key, err := credentials.FixedRootKey(s.Getenv)
	files := credentials.FilesOf(s.Config.Data)
	if err == nil && key == (credentials.RootKey{}) && !s.metadata.Exclusive() {
		key, err = s.sharedRootKey(ctx, files)
	}
	if err != nil {
		return credentials.RootKey{}, err
	}
	return files.EnsureRoot(key, endpoint, s.Config.Region)
}

// sharedRootKey returns the root key of all nodes: that of the database, or else
// the one that this node has in its files, or a new one, which the first node
// puts there.
func (s *server) sharedRootKey(ctx context.Context, files credentials.AWSFiles) (credentials.RootKey, error) {
	secret, err := newSharedSecret(s.metadata, s.keyring, "root access key")
	if err != nil {
		return credentials.RootKey{}, err
	}
	text, err := secret.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createRootKey(ctx, secret, files)
	}
	if errors.Is(err, store.ErrReadOnly) { // nor had a server of this version the database before
		return credentials.RootKey{}, nil
	}
	if err != nil {
		return credentials.RootKey{}, fmt.Errorf("root access key %s: %w", secret, err)
	}
	var key credentials.RootKey
	if err := json.Unmarshal(text, &key); err != nil {
		return credentials.RootKey{}, fmt.Errorf("root access key %s: it is malformed", secret)
	}
	return key, key.Check()
}

func createRootKey(ctx context.Context, secret *sharedSecret, files credentials.AWSFiles) ([]byte, error) {
	key, err := files.RootOrNew()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	err = secret.Create(ctx, text)
	if errors.Is(err, fs.ErrExist) { // another node was faster: its key is the key
		return secret.Load(ctx)
	}
	return text, err
}

// endpoint returns the URL that clients on this machine reach the server by.
func (s *server) endpoint(addr net.Addr) string { return s.scheme() + "://" + s.host(addr) }

func (s *server) scheme() string {
	if s.Config.TLSCert != "" {
		return "https"
	}
	return "http"
}

// host returns the name and port of the endpoint: the domain, if there is one,
// and localhost for an address that is not one to connect to.
func (s *server) host(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	if s.Config.Domain != "" {
		host = s.Config.Domain
	}
	if s.scheme() == "https" && port == "443" || s.scheme() == "http" && port == "80" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// greet says that the server serves, and prints the lines that a user copies to begin.
func (s *server) greet(addr net.Addr) {
	endpoint := s.endpoint(addr)
	fmt.Fprintf(s.Stdout, "nifuda %s serves on %s\n\n", s.Version, endpoint)
	if s.Config.Role == cluster.RoleWorker {
		fmt.Fprint(s.Stdout, "It works in the background, and answers nothing but /healthz and /readyz.\n\n")
	} else {
		s.greetUser(s.host(addr))
	}
	s.Log.Info("serving", "endpoint", endpoint, "config", s.Config)
}

func (s *server) greetUser(registryHost string) {
	files := credentials.FilesOf(s.Config.Data)
	if s.Config.Domain != "" {
		registryHost = s.Config.Account + ".dkr.ecr." + s.Config.Region + "." + registryHost
	}
	fmt.Fprintf(s.Stdout, `To use it from another terminal:

  export AWS_CONFIG_FILE=%s AWS_SHARED_CREDENTIALS_FILE=%s AWS_PROFILE=%s
  aws ecr get-login-password | docker login --username AWS --password-stdin %s

`, absolute(files.Config), absolute(files.Credentials), credentials.Profile, registryHost)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// welcome leads a browser to the console, and tells others what this is.
func (s *server) welcome(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, console.Path, http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "This is nifuda %s, a container registry.\nDrive it with the AWS CLI (aws ecr …), push and pull with docker,\nand open %s in a browser.\n", s.Version, console.Path)
}
