package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A process is a whole server, as main runs it.
type process struct {
	url  *url.URL
	stop context.CancelFunc
	done chan error
}

var servesOn = regexp.MustCompile(`serves on (http://\S+)`)

func startProcess(t *testing.T, c config.Config) *process {
	t.Helper()
	environment := map[string]string{
		credentials.EnvRootAccessKeyID: "AKIAROOT", credentials.EnvRootSecretAccessKey: "root-secret", "TEST_SERVER_KEY": serverKeyText,
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{stop: cancel, done: make(chan error, 1)}
	out, in := io.Pipe()
	go func() {
		err := Run(ctx, Options{
			Config: c, Getenv: func(name string) string { return environment[name] }, Stdout: in, Log: slog.New(slog.DiscardHandler), Version: "test",
		})
		in.CloseWithError(fmt.Errorf("it has ended: %w", err))
		p.done <- err
	}()
	lines := bufio.NewReader(out)
	for p.url == nil {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if match := servesOn.FindStringSubmatch(line); match != nil {
			if p.url, err = url.Parse(match[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	go io.Copy(io.Discard, lines) //nolint:errcheck // until it ends
	t.Cleanup(cancel)
	return p
}

// A balancer sends requests in turn to the servers that are ready, as it has
// found them when it looked last.
type balancer struct {
	proxies []*httputil.ReverseProxy
	ready   []atomic.Bool
	next    atomic.Int64
}

func newBalancer(t *testing.T, all ...*process) *balancer {
	b := &balancer{ready: make([]atomic.Bool, len(all))}
	ctx, cancel := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	for i, p := range all {
		b.proxies = append(b.proxies, httputil.NewSingleHostReverseProxy(p.url))
		b.look(p, i)
		looking.Go(func() {
			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for ctx.Err() == nil {
				<-again.C
				b.look(p, i)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		looking.Wait()
	})
	return b
}

func (b *balancer) look(p *process, i int) {
	response, err := http.Get(p.url.JoinPath("readyz").String())
	if err == nil {
		response.Body.Close()
	}
	b.ready[i].Store(err == nil && response.StatusCode == http.StatusOK)
}

// ServeHTTP implements [http.Handler].
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first := int(b.next.Add(1))
	for i := range b.proxies {
		i = (first + i) % len(b.proxies)
		if b.ready[i].Load() {
			b.proxies[i].ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, "nobody is ready", http.StatusBadGateway)
}

// A server behind a load balancer ends without a request that fails, and leaves
// nothing behind that others would have to wait for.
func TestServerEndsWithoutAFailedRequest(t *testing.T) {
	database := storetest.PostgresURL(t)
	settings := func() config.Config {
		c := config.Default()
		c.Data, c.Database = t.TempDir(), database
		c = inData(c)
		c.Listen, c.AdminListen, c.Audit = "127.0.0.1:0", config.AdminOff, config.AuditOff
		c.ServerKey, c.SealKeys, c.DrainDelay = "env:TEST_SERVER_KEY", "database:", "1s"
		return c
	}
	first, second := startProcess(t, settings()), startProcess(t, settings())
	front := httptest.NewServer(newBalancer(t, first, second))
	defer front.Close()

	var served, failed atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for ctx.Err() == nil {
				if err := askBase(front.URL); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
				served.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		before := served.Load()
		awaitTrue(t, func() bool { return served.Load() >= before+100 || failed.Load() > 0 })
	}
	more()
	first.stop()
	if err := <-first.done; err != nil {
		t.Errorf("its end: %v", err)
	}
	more()
	cancel()
	asking.Wait()
	if left := nodesOf(t, database); len(left) != 1 {
		t.Errorf("after its end there are %v", left)
	}
	second.stop()
	if err := <-second.done; err != nil {
		t.Errorf("the other's end: %v", err)
	}
}

// askBase is a signed-in request.
func askBase(server string) error {
	r, err := http.NewRequest(http.MethodGet, server+"/v2/", http.NoBody)
	if err != nil {
		return err
	}
	r.SetBasicAuth("AKIAROOT", "root-secret")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d, %s: %w", response.StatusCode, strings.TrimSpace(string(body)), err)
	}
	return nil
}

func nodesOf(t *testing.T, database string) []store.Node {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nodes, err := s.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// awaitTrue polls until something holds.
func awaitTrue(t *testing.T, holds func() bool) {
	t.Helper()
	late := time.After(time.Minute)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it does not come true")
		}
	}
}
