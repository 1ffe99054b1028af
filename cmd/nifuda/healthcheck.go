package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/nifuda/nifuda/internal/config"
)

// healthPatience is longer than the server takes to find out that it is not ready.
const healthPatience = 8 * time.Second

// A healthcheck asks the server that the same settings describe: an image without
// a shell has nothing else that could.
type healthcheck struct {
	config.Config
}

// Run ends with an error unless the server says that it is ready.
func (c *healthcheck) Run(w io.Writer) error {
	ctx, stop := interruptible()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	target, err := readyURL(c.Config)
	if err != nil {
		return err
	}
	if err := askReady(ctx, target); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "ready")
	return err
}

// readyURL is where a server with these settings answers on this machine.
func readyURL(c config.Config) (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", fmt.Errorf("--listen: %w", err)
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/readyz", nil
}

func askReady(ctx context.Context, target string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	// The certificate is for the names that clients use, and nothing secret is said.
	// No proxy is asked: the server is on this machine.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask whether the server is ready: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("the server is not ready, its log says why: " + response.Status)
	}
	return nil
}
