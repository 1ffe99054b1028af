package ops_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/ops"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		path   string
		ready  error
		status int
		body   string
	}{
		{"/healthz", nil, 200, "ok\n"},
		{"/healthz", errors.New("database gone"), 200, "ok\n"},
		{"/readyz", nil, 200, "ready\n"},
		{"/readyz", errors.New("database gone"), 503, "not ready\n"},
	} {
		r := ops.NewReadiness(func(context.Context) error { return c.ready }, slog.New(slog.DiscardHandler))
		status, body := get(t, ops.Health(r), c.path)
		if status != c.status || body != c.body {
			t.Errorf("%s with %v: got %d %q, want %d %q", c.path, c.ready, status, body, c.status, c.body)
		}
	}
}

func get(t *testing.T, h http.Handler, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// A server that ends lives, and wants no more requests.
func TestDrainingServerIsNotReady(t *testing.T) {
	r := ops.NewReadiness(func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
	h := ops.Health(r)
	if status, _ := get(t, h, "/readyz"); status != 200 || r.Draining() {
		t.Errorf("before its end: %d, draining %t", status, r.Draining())
	}
	r.Drain()
	if status, body := get(t, h, "/readyz"); status != 503 || body != "draining\n" || !r.Draining() {
		t.Errorf("at its end: %d %q, draining %t", status, body, r.Draining())
	}
	if status, _ := get(t, h, "/healthz"); status != 200 {
		t.Errorf("it lives: %d", status)
	}
}

// However many ask, the engines are asked once, and again a while later.
func TestManyAskAndOneCheckAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks atomic.Int64
		h := ops.Health(ops.NewReadiness(func(context.Context) error {
			checks.Add(1)
			time.Sleep(time.Second) // of the bubble's clock
			return nil
		}, slog.New(slog.DiscardHandler)))
		for round := int64(1); round <= 2; round++ {
			var asking sync.WaitGroup
			for range 50 {
				asking.Go(func() {
					if status, _ := get(t, h, "/readyz"); status != 200 {
						t.Errorf("status %d", status)
					}
				})
			}
			asking.Wait()
			get(t, h, "/readyz")
			if got := checks.Load(); got != round {
				t.Errorf("%d checks in round %d", got, round)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestAdminServesMetricsAndProfiles(t *testing.T) {
	metrics := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "tags_moved_total", Help: "Tags moved."})
	metrics.MustRegister(counter)
	counter.Inc()
	for path, want := range map[string]string{"/metrics": "tags_moved_total 1", "/debug/pprof/": "goroutine"} {
		w := httptest.NewRecorder()
		ops.Admin(metrics).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d, without %q", path, w.Code, want)
		}
	}
}
