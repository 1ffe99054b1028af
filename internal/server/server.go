// Package server wires the parts of nifuda together: settings to database, to
// blobs, to the registry, to the fronts, to the listeners. It starts, drains
// and stops them, and decides nothing else.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/ops"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
)

// Running transfers get this long to end when the server stops.
const drainTime = 30 * time.Second

// Options are what the server takes from the process that it runs in.
type Options struct {
	Config  config.Config
	Getenv  func(string) string
	Stdout  io.Writer // takes the lines to copy at the first steps
	Log     *slog.Logger
	Version string
}

// Run serves until ctx is done, then drains, and returns what kept it from
// starting or from stopping cleanly.
func Run(ctx context.Context, o Options) (err error) {
	s := &server{Options: o, metrics: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.serve(ctx)
}

// A server is the parts of one run. What is opened later is closed earlier.
type server struct {
	Options
	metrics  *prometheus.Registry
	keyring  authn.Keyring
	registry *registry.Registry
	closers  []func() error
}

func (s *server) close() error {
	var errs []error
	for _, v := range slices.Backward(s.closers) {
		errs = append(errs, v())
	}
	return errors.Join(errs...)
}

// open connects to the engines and starts the registry over them.
func (s *server) open(ctx context.Context) error {
	key, err := credentials.ServerKey(s.Config.Data)
	if err != nil {
		return fmt.Errorf("server key: %w", err)
	}
	if s.keyring, err = authn.NewKeyring(key); err != nil {
		return fmt.Errorf("server key: %w", err)
	}
	metadata, err := store.Open(ctx, s.Config.Database)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, metadata.Close)
	blobs, err := file.Open(strings.TrimPrefix(s.Config.Blobs, "file:"))
	if err != nil {
		return fmt.Errorf("open blobs: %w", err)
	}
	s.closers = append(s.closers, blobs.Close)
	s.registry = registry.New(metadata, blobs, registry.Options{UploadKey: s.keyring.DeriveKey("upload ids"), Log: s.Log})
	s.closers = append(s.closers, s.runInBackground(s.registry.Run))
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return nil
}

// runInBackground starts a worker and returns what stops it and waits for it.
func (s *server) runInBackground(work func(context.Context)) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { work(ctx) })
	return func() error {
		cancel()
		wg.Wait()
		return nil
	}
}

// serve listens, says so, and returns when everything is drained.
func (s *server) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	endpoint := s.endpoint(listener.Addr())
	root, err := s.rootKey(endpoint)
	if err != nil {
		return err
	}
	main, err := s.mainServer(root)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- serveOn(main, listener) }()
	stopping := []*http.Server{main}
	if s.Config.AdminListen != config.AdminOff {
		admin, err := net.Listen("tcp", s.Config.AdminListen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for administration: %w", err), main.Close())
		}
		adminServer := httpx.NewServer(ops.Admin(s.metrics), s.Log)
		go func() { failed <- serveOn(adminServer, admin) }()
		stopping = append(stopping, adminServer)
	}
	s.greet(endpoint)
	select {
	case <-ctx.Done():
		s.Log.Info("draining", "patience", drainTime)
	case err = <-failed:
	}
	return errors.Join(err, drain(stopping))
}

func serveOn(server *http.Server, listener net.Listener) error {
	serve := server.Serve
	if server.TLSConfig != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain takes no new connections and lets running requests end.
func drain(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for _, server := range servers {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(errors.New("requests were cut off after the time to drain"), server.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// mainServer returns the server of the one public port.
func (s *server) mainServer(root credentials.RootKey) (*http.Server, error) {
	handler := httpx.NewHandler(s.routes(root), httpx.Options{Log: s.Log, Metrics: httpx.NewMetrics(s.metrics)})
	server := httpx.NewServer(handler, s.Log)
	if s.Config.TLSCert == "" {
		return server, nil
	}
	certificate, err := httpx.LoadCertificate(s.Config.TLSCert, s.Config.TLSKey, s.Log, time.Now)
	if err != nil {
		return nil, err
	}
	server.TLSConfig = certificate.TLSConfig()
	return server, nil
}
