package ops_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
		h := ops.Health(func(context.Context) error { return c.ready }, slog.New(slog.DiscardHandler))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s with %v: got %d %q, want %d %q", c.path, c.ready, w.Code, w.Body, c.status, c.body)
		}
	}
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
