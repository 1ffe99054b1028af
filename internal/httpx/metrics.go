package httpx

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// other is the label of what no front has named.
const other = "other"

// Metrics are the measurements of a server's requests.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
}

// NewMetrics registers the metrics of HTTP requests: nifuda_http_requests_total,
// nifuda_http_request_duration_seconds and nifuda_http_response_bytes_total, by
// the protocol and operation of the [Record]. It panics when they are
// registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_http_requests_total",
			Help: "Requests answered.",
		}, []string{"protocol", "operation", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nifuda_http_request_duration_seconds",
			Help:    "Time from the header of a request to the end of its response.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"protocol", "operation"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_http_response_bytes_total",
			Help: "Bytes of response bodies sent.",
		}, []string{"protocol", "operation"}),
	}
	registry.MustRegister(m.requests, m.duration, m.bytes)
	return m
}

func (m *Metrics) observe(record *Record, method string, status int, bytes int64, took time.Duration) {
	if m == nil {
		return
	}
	protocol, operation := orOther(record.Protocol), orOther(record.Operation)
	m.requests.WithLabelValues(protocol, operation, knownMethod(method), codeOf(status)).Inc()
	m.duration.WithLabelValues(protocol, operation).Observe(took.Seconds())
	m.bytes.WithLabelValues(protocol, operation).Add(float64(bytes))
}

func orOther(label string) string {
	if label == "" {
		return other
	}
	return label
}

// knownMethod bounds a label that the client writes.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return other
	}
}

// codeOf is the status, or aborted for a request that got no response.
func codeOf(status int) string {
	if status == 0 {
		return "aborted"
	}
	return strconv.Itoa(status)
}
