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
	sent     *prometheus.CounterVec
	received *prometheus.CounterVec
	inFlight prometheus.Gauge
}

// The buckets of durations begin under the quickest answer, from memory, and end
// where a large layer comes over a slow line; there is one close to each limit that
// somebody may have set for a latency.
var durationBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// NewMetrics registers the metrics of HTTP requests, nifuda_http_…, by the protocol
// and operation of the [Record]. It panics when they are registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_http_requests_total",
			Help: "Requests answered.",
		}, []string{"protocol", "operation", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nifuda_http_request_duration_seconds",
			Help:    "Time from the header of a request to the end of its response.",
			Buckets: durationBuckets,
		}, []string{"protocol", "operation"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_http_response_bytes_total",
			Help: "Bytes of response bodies sent.",
		}, []string{"protocol", "operation"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nifuda_http_request_bytes_total",
			Help: "Bytes of request bodies received.",
		}, []string{"protocol", "operation"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nifuda_http_requests_in_flight",
			Help: "Requests that have begun and not ended.",
		}),
	}
	registry.MustRegister(m.requests, m.duration, m.sent, m.received, m.inFlight)
	return m
}

// begin counts a request that comes.
func (m *Metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

// observe counts a request that has ended.
func (m *Metrics) observe(x *exchange, method string, took time.Duration) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	protocol, operation := orOther(x.record.Protocol), orOther(x.record.Operation)
	m.requests.WithLabelValues(protocol, operation, knownMethod(method), codeOf(x.writer.status)).Inc()
	m.duration.WithLabelValues(protocol, operation).Observe(took.Seconds())
	m.sent.WithLabelValues(protocol, operation).Add(float64(x.writer.bytes))
	if x.body.bytes > 0 {
		m.received.WithLabelValues(protocol, operation).Add(float64(x.body.bytes))
	}
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
