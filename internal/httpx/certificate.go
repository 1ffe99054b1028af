package httpx

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often the files of a certificate are looked at, at most.
const certificateCheck = time.Second

// A Certificate serves the pair of a certificate file and a key file, and
// follows them when they change. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    [2]version
	checked time.Time
}

// A version tells one content of a file from another.
type version struct {
	modified int64 // Unix nanoseconds
	size     int64
}

// LoadCertificate reads a certificate chain and its private key, both in PEM.
// Later changes are noticed at a handshake, at most a second late; a pair that
// cannot be used is logged and the last good one stays.
func LoadCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log, now: now, checked: now()}
	seen, err := c.stat()
	if err == nil {
		err = c.load()
	}
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	c.seen = seen
	return c, nil
}

// TLSConfig returns a configuration that serves the certificate: TLS 1.2 and up.
func (c *Certificate) TLSConfig() *tls.Config {
	return &tls.Config{GetCertificate: c.Get, MinVersion: tls.VersionTLS12}
}

// Get returns the certificate for a handshake; it has the signature of
// tls.Config.GetCertificate and never fails.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= certificateCheck {
		c.checked = now
		c.refresh()
	}
	return c.pair, nil
}

// refresh loads the pair if a file has changed. What it has seen it does not
// try again, so that a broken pair is logged once. It looks at the files before
// it reads them: a change in between is found the next time.
func (c *Certificate) refresh() {
	seen, err := c.stat()
	if seen == c.seen {
		return
	}
	c.seen = seen
	if err == nil {
		err = c.load()
	}
	if err != nil {
		c.log.Error("certificate cannot be reloaded, the previous one stays", "error", err)
		return
	}
	c.log.Info("certificate reloaded", "file", c.certFile)
}

func (c *Certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair = &pair
	return nil
}

// stat returns the versions of the two files, the zero one for a file that
// cannot be looked at.
func (c *Certificate) stat() (seen [2]version, err error) {
	for i, file := range [...]string{c.certFile, c.keyFile} {
		info, statErr := os.Stat(file)
		if statErr != nil {
			err = statErr
			continue
		}
		seen[i] = version{modified: info.ModTime().UnixNano(), size: info.Size()}
	}
	return seen, err
}
