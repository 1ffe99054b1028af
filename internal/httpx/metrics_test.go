package httpx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/httpx"
)

func newMetrics() *httpx.Metrics { return httpx.NewMetrics(prometheus.NewRegistry()) }

// gather returns the value of every counter, and the count of every histogram,
// by name and label values.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := []string{family.GetName()}
			for _, label := range metric.GetLabel() {
				series = append(series, label.GetName()+"="+label.GetValue())
			}
			values[strings.Join(series, " ")] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return values
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	o := httpx.Options{Metrics: httpx.NewMetrics(registry)}
	for _, method := range []string{"GET", "GET", "BREW", "WHEN"} {
		serve(t, o, httptest.NewRequest(method, "/", strings.NewReader("sent")), func(w http.ResponseWriter, r *http.Request) {
			record := httpx.RecordOf(r.Context())
			record.Protocol, record.Operation = "oci", "GetManifest"
			if got := gather(t, registry)["nifuda_http_requests_in_flight"]; got != 1 {
				t.Errorf("%v requests are in flight", got)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			reply(w, "body")
		})
	}
	serve(t, o, get("/nowhere"), http.NotFound)
	want := map[string]float64{
		"nifuda_http_requests_total code=200 method=GET operation=GetManifest protocol=oci":   2,
		"nifuda_http_requests_total code=200 method=other operation=GetManifest protocol=oci": 2,
		"nifuda_http_requests_total code=404 method=GET operation=other protocol=other":       1,
		"nifuda_http_requests_in_flight":                                          0,
		"nifuda_http_request_bytes_total operation=GetManifest protocol=oci":      16,
		"nifuda_http_response_bytes_total operation=GetManifest protocol=oci":     16,
		"nifuda_http_response_bytes_total operation=other protocol=other":         19,
		"nifuda_http_request_duration_seconds operation=GetManifest protocol=oci": 4,
		"nifuda_http_request_duration_seconds operation=other protocol=other":     1,
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Error(diff)
	}
}
