// Package server wires the parts of nifuda together: settings to database, to
// blobs, to the registry, to the fronts, to the listeners. It starts, drains
// and stops them, and decides nothing else.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/audit"
	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/blob/measured"
	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/ops"
	"github.com/nifuda/nifuda/internal/ratelimit"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/trace"
	"github.com/nifuda/nifuda/internal/verify"
	"github.com/nifuda/nifuda/internal/webidentity"
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
	s.Log = slog.New(httpx.WithRequests(s.Log.Handler()))
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.serve(ctx)
}

// A server is the parts of one run. What is opened later is closed earlier.
type server struct {
	Options
	metrics    *prometheus.Registry
	tracer     *trace.Tracer // nil follows no request
	keyring    authn.Keyring
	registry   *registry.Registry
	scrub      *verify.Verifier
	guard      *authn.Guard
	limiter    *ratelimit.Limiter
	audit      func(httpx.Served)
	trail      *audit.Trail // nil without a file
	identities *identity.Identities
	ring       *keyring.Ring
	kms        *kms.Service
	bodies     *httpx.Bodies
	requests   atomic.Int64 // that have come so far, but for those after its health
	closers    []func() error

	metadata  *store.Store
	member    *cluster.Member
	timing    cluster.Timing // of the cluster; zero is the usual one
	readiness *ops.Readiness
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
	if err := s.openTracer(ctx); err != nil {
		return fmt.Errorf("--otlp-endpoint: %w", err)
	}
	metadata, blobs, keys, err := s.openEngines(ctx)
	if err != nil {
		return err
	}
	if s.bodies, err = s.openBodies(); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	if err := s.join(ctx); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	var claims registry.UploadClaims
	if s.member != nil && !metadata.Exclusive() {
		claims = s.member
	}
	s.registry = registry.New(metadata, blobs, registry.Options{
		UploadClaims: claims,
		Keys:         keys, SealingKeys: keys, UploadKey: s.keyring.DeriveKey("upload ids"), Grace: s.Config.GracePeriod(), UndeleteWindow: s.Config.UndeleteWindow(),
		ECRQuotas: s.Config.Quotas == "ecr", ECRRates: s.Config.RateLimits == "ecr",
		Requests: s.requests.Load, Room: s.room(s.watchDisks()), Redirects: s.Config.RedirectsPulls(), Metrics: s.metrics, Log: s.Log,
	})
	s.readiness = ops.NewReadiness(s.registry.Ping, s.Log)
	s.countSealing()
	s.scrub = verify.New(verify.Options{
		Store: metadata, Blobs: blobs, Keys: keys, Rate: s.Config.ScrubRate(), Grace: s.Config.GracePeriod(), Log: s.Log,
	}, s.metrics)
	s.guard = authn.NewGuard(time.Now, s.Log, s.metrics)
	if err := s.openLimiter(ctx); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	if err := s.openAudit(); err != nil {
		return fmt.Errorf("--audit: %w", err)
	}
	s.measureProcess()
	s.startJobs()
	return nil
}

// openEngines connects to the database, the keys and the blobs.
func (s *server) openEngines(ctx context.Context) (metadata *store.Store, blobs blob.Store, keys *datakeys.Keys, err error) {
	if err := s.lock(s.Config.Data); err != nil {
		return nil, nil, nil, fmt.Errorf("--data: %w", err)
	}
	metadata, err = s.openDatabase(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--database: %w", err)
	}
	s.metadata = metadata
	s.closers = append(s.closers, metadata.Close)
	metadata.Register(s.metrics)
	serverKey, err := credentials.ParseSource("--server-key", s.Config.ServerKey, s.Getenv)
	if err == nil {
		s.keyring, err = openServerKey(ctx, metadata, serverKey)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--server-key: %w", err)
	}
	s.identities, err = identity.New(ctx, metadata, identity.Options{
		SealingKey: s.keyring.DeriveKey("nifuda access key secret v1"), SessionTokenKey: s.keyring.DeriveKey("nifuda session token v1"),
		DefaultAccount: s.Config.Account, Log: s.Log,
		Tokens: webidentity.New(webidentity.Options{KeysDir: s.Config.OIDCKeys, Hosts: s.Config.ProviderHosts(), Log: s.Log}),
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--database: %w", err)
	}
	if err := checkServerKey(ctx, metadata, s.keyring, s.identities, serverKey); err != nil {
		return nil, nil, nil, fmt.Errorf("--server-key: %w", err)
	}
	ring, err := s.openRing(ctx, metadata)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--seal-keys: %w", err)
	}
	s.ring = ring
	s.openKeys(metadata, ring)
	blobs, err = s.openBlobs(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--blobs: %w", err)
	}
	if err := bindServerKey(ctx, metadata, s.keyring, s.identities, serverKey); err != nil {
		return nil, nil, nil, fmt.Errorf("--server-key: %w", err)
	}
	return metadata, measured.New(blobs, s.metrics), s.dataKeys(metadata, ring), nil
}

// openKeys opens the key management service, whose key material is wrapped by
// the key ring.
func (s *server) openKeys(metadata *store.Store, ring *keyring.Ring) {
	s.kms = kms.New(metadata, kms.Options{Wrapper: ring, RoleOf: s.roleOf, Log: s.Log})
}

// openAudit opens what takes the audit records, which are flushed when the
// server stops.
func (s *server) openAudit() error {
	to := s.Stdout
	switch s.Config.Audit {
	case config.AuditOff:
		return nil
	case config.AuditStdout:
	default:
		file, err := audit.OpenFile(strings.TrimPrefix(s.Config.Audit, "file:"), audit.FileSize, audit.FileCount)
		if err != nil {
			return err
		}
		s.closers = append(s.closers, file.Close)
		to, s.trail = file, file.Trail()
	}
	records := audit.New(audit.Options{To: to, Account: s.Config.Account, Region: s.Config.Region, Session: s.session, Log: s.Log, Metrics: s.metrics})
	s.closers = append(s.closers, records.Close)
	s.audit = records.Add
	return nil
}

// openBodies empties the directory of what is still arriving: nothing there
// outlives the process. It is not the system's for temporary files, which is
// often in memory.
func (s *server) openBodies() (*httpx.Bodies, error) {
	directory := filepath.Join(s.Config.Data, "arriving")
	if err := os.RemoveAll(directory); err != nil {
		return nil, err
	}
	return httpx.NewBodies(directory, httpx.DefaultBodyMemory), file.MakeDir(directory)
}

// lock keeps other servers away from a directory until this one ends, even by
// a crash: two would write to one upload, each without knowing of the other.
func (s *server) lock(dir string) error {
	if err := file.MakeDir(dir); err != nil {
		return err
	}
	l := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	locked, err := l.TryLock()
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	if !locked {
		return fmt.Errorf("%s is in use by another nifuda", dir)
	}
	s.closers = append(s.closers, l.Close)
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

// A listening is a server and where it listens.
type listening struct {
	server   *http.Server
	listener net.Listener
}

// serve listens, says so, and returns when everything is drained. Whatever can
// keep the server from starting is tried before the files are written that tell
// clients where it is.
func (s *server) serve(ctx context.Context) error {
	certificate, err := s.certificate()
	if err != nil {
		return fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	public, err := net.Listen("tcp", s.Config.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer public.Close()
	server := httpx.NewServer(nil, s.Log)
	servers := []listening{{server, httpx.LimitConnections(public, server, httpx.ConnectionLimits{
		All: maxConnections(), PerSource: s.Config.SourceConnections(), Proxies: s.Config.TrustedProxies(),
	})}}
	servers[0].server.TLSConfig = certificate
	if s.Config.AdminListen != config.AdminOff {
		private, err := net.Listen("tcp", s.Config.AdminListen)
		if err != nil {
			return fmt.Errorf("--admin-listen: %w", err)
		}
		defer private.Close()
		servers = append(servers, listening{httpx.NewServer(ops.Admin(s.metrics), s.Log), private})
	}
	root, err := s.rootKey(ctx, s.endpoint(public.Addr()))
	if err != nil {
		return err
	}
	servers[0].server.Handler = s.closing(s.handler(root))
	return s.run(ctx, servers)
}

func (s *server) run(ctx context.Context, servers []listening) (err error) {
	failed := make(chan error, len(servers))
	for _, l := range servers {
		go func() { failed <- l.run() }()
	}
	s.greet(servers[0].listener.Addr())
	select {
	case <-ctx.Done():
		err = s.announceEnd(ctx, failed)
	case err = <-failed:
	}
	return errors.Join(err, drain(servers))
}

// announceEnd says to load balancers that this process ends, and gives them the
// time to send their requests elsewhere before it takes no more connections.
func (s *server) announceEnd(ctx context.Context, failed <-chan error) error {
	s.readiness.Drain()
	delay := s.Config.DrainTime()
	s.Log.InfoContext(ctx, "draining", "delay", delay, "patience", drainTime)
	wait := time.NewTimer(delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case err := <-failed:
		return err
	}
}

// closing has clients that keep their connections let go of them, once the server
// ends.
func (s *server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.readiness.Draining() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (l listening) run() error {
	serve := l.server.Serve
	if l.server.TLSConfig != nil {
		serve = func(listener net.Listener) error { return l.server.ServeTLS(listener, "", "") }
	}
	if err := serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain takes no new connections and lets running requests end.
func drain(servers []listening) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for _, l := range servers {
		err := l.server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(errors.New("requests were cut off after the time to drain"), l.server.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// certificate returns how TLS is served, or nil without it.
func (s *server) certificate() (*tls.Config, error) {
	if s.Config.TLSCert == "" {
		return nil, nil
	}
	certificate, err := httpx.LoadCertificate(s.Config.TLSCert, s.Config.TLSKey, s.Log, time.Now)
	if err != nil {
		return nil, err
	}
	return certificate.TLSConfig(), nil
}
