package e2e_test

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How a front finds out about its nodes: as load balancers do.
const (
	checkEvery   = 500 * time.Millisecond
	checkTimeout = 2 * time.Second
)

// A front is a load balancer before nodes. Each request goes to the next node that
// is ready, so that the steps of one upload go to different ones. It repeats
// nothing: that is left to the clients.
type front struct {
	address string
	places  []*place
	next    atomic.Int64

	mu      sync.Mutex
	uploads map[string]map[*place]bool // the nodes that had a part in an upload, by its path
}

// A place is where one node is.
type place struct {
	address string
	health  string // a path that answers 200 while the node is ready
	proxy   *httputil.ReverseProxy
	failed  atomic.Int64 // requests without an answer

	mu     sync.Mutex
	ready  bool
	ctx    context.Context // of the requests under way
	cancel context.CancelFunc
}

// startFront stands before nodes of nifuda until the test ends.
func startFront(t *testing.T, addresses ...string) *front {
	t.Helper()
	return startFrontOf(t, "/readyz", addresses...)
}

// startFrontOf stands before servers of any kind, which say at a path whether they
// are ready.
func startFrontOf(t *testing.T, health string, addresses ...string) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{address: strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1), uploads: map[string]map[*place]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	var checking sync.WaitGroup
	for _, address := range addresses {
		p := newPlace(address, health)
		f.places = append(f.places, p)
		checking.Go(func() { p.watch(ctx) })
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() {
		_ = server.Serve(listener) // until it is closed
	}()
	t.Cleanup(func() {
		cancel()
		server.Close()
		checking.Wait()
	})
	return f
}

func newPlace(address, health string) *place {
	p := &place{address: address, health: health}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		FlushInterval: -1,
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			p.failed.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	return p
}

// watch asks the node whether it is ready, until ctx is done.
func (p *place) watch(ctx context.Context) {
	poll := time.NewTicker(checkEvery)
	defer poll.Stop()
	for {
		p.check(ctx)
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// check asks once. A node that says no gets no new requests; one that says nothing
// loses those that it has.
func (p *place) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	status, err := get(ctx, "http://"+p.address+p.health)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = err == nil && status == http.StatusOK
	if err != nil {
		p.cancel()
		p.ctx, p.cancel = context.WithCancel(context.Background())
	}
}

func (p *place) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := f.choose()
	if p == nil {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	f.note(r.URL.Path, p)
	p.mu.Lock()
	node := p.ctx
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(node, cancel)()
	p.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// choose takes the next node that is ready.
func (f *front) choose() *place {
	for range f.places {
		p := f.places[int(f.next.Add(1))%len(f.places)]
		if p.isReady() {
			return p
		}
	}
	return nil
}

func (f *front) note(path string, p *place) {
	if _, id, isUpload := strings.Cut(path, "/blobs/uploads/"); !isUpload || id == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.uploads[path] == nil {
		f.uploads[path] = map[*place]bool{}
	}
	f.uploads[path][p] = true
}

// wandered is how many uploads more than one node had a part in.
func (f *front) wandered() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, places := range f.uploads {
		if len(places) > 1 {
			n++
		}
	}
	return n
}

// uploadPaths are the addresses of all uploads so far.
func (f *front) uploadPaths() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.uploads))
}
