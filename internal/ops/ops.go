// Package ops serves the people and machines that run the server: health
// checks beside the registry, metrics and profiles on a listener of their own.
package ops

import (
	"errors"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health answers GET /healthz, which says that the process serves, and GET
// /readyz, which says whether it should be sent requests: 200, or 503.
func Health(readiness *Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		err := readiness.ready(r.Context())
		switch {
		case errors.Is(err, errDraining):
			answer(w, http.StatusServiceUnavailable, "draining\n")
		case err != nil:
			answer(w, http.StatusServiceUnavailable, "not ready\n")
		default:
			answer(w, http.StatusOK, "ready\n")
		}
	})
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text)) //nolint:errcheck // the client is gone, nobody is left to tell
}

// Admin answers /metrics in Prometheus' format and the profiles under
// /debug/pprof/. It asks for no credential: its listener must be private.
func Admin(metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	// Not the command line: it may hold the database's password.
	mux.Handle("/debug/pprof/cmdline", http.NotFoundHandler())
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
