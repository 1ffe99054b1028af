package server

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/nifuda/nifuda/internal/credentials"
)

// rootKey returns the root user's access key and writes the AWS files of the
// first start.
func (s *server) rootKey(endpoint string) (credentials.RootKey, error) {
	fixed, err := credentials.FixedRootKey(s.Getenv)
	if err != nil {
		return credentials.RootKey{}, err
	}
	return credentials.FilesOf(s.Config.Data).EnsureRoot(fixed, endpoint, s.Config.Region)
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

// greet prints the lines that a user copies to begin.
func (s *server) greet(addr net.Addr) {
	files := credentials.FilesOf(s.Config.Data)
	endpoint, registryHost := s.endpoint(addr), s.host(addr)
	if s.Config.Domain != "" {
		registryHost = s.Config.Account + ".dkr.ecr." + s.Config.Region + "." + registryHost
	}
	fmt.Fprintf(s.Stdout, `nifuda %s serves on %s

To use it from another terminal:

  export AWS_CONFIG_FILE=%s AWS_SHARED_CREDENTIALS_FILE=%s AWS_PROFILE=%s
  aws ecr get-login-password | docker login --username AWS --password-stdin %s

`, s.Version, endpoint, absolute(files.Config), absolute(files.Credentials), credentials.Profile, registryHost)
	s.Log.Info("serving", "endpoint", endpoint, "config", s.Config)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// welcome tells a person with a browser what this is.
func (s *server) welcome(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "This is nifuda %s, a container registry.\nDrive it with the AWS CLI (aws ecr …) and push and pull with docker.\n", s.Version)
}
