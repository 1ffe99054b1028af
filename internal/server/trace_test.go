package server

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/nifuda/nifuda/internal/config"
)

// A receiver is a collector of traces.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*otlp.Span
	service string
	key     string // of the last request
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var body io.Reader = request.Body
		if request.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Error(err)
				return
			}
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		var in collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(raw, &in); err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.key = request.Header.Get("X-Key")
		for _, of := range in.GetResourceSpans() {
			for _, attribute := range of.GetResource().GetAttributes() {
				if attribute.GetKey() == "service.name" {
					r.service = attribute.GetValue().GetStringValue()
				}
			}
			for _, scope := range of.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// path returns the names of a span and of those that it is inside of, the
// outermost first.
func (r *receiver) path(s *otlp.Span) (path []string) {
	for s != nil {
		path = append([]string{s.GetName()}, path...)
		parent := s.GetParentSpanId()
		i := slices.IndexFunc(r.spans, func(s *otlp.Span) bool { return bytes.Equal(s.GetSpanId(), parent) })
		if i < 0 {
			break
		}
		s = r.spans[i]
	}
	return path
}

func attributesOf(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
)

// followed starts a server that sends its traces, and returns what ends that.
func followed(t *testing.T, to string) (f *fixture, log *bytes.Buffer, flush func()) {
	t.Helper()
	c := config.Default()
	c.OTLP = to
	log = &bytes.Buffer{}
	f = startServer(t, c, "sqlite:"+t.TempDir()+"/nifuda.db", func(s *server) {
		s.Log = slog.New(slog.NewTextHandler(log, nil))
		flush = func() {
			if err := s.tracer.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	f.send(f.api("CreateRepository", map[string]any{"repositoryName": "app"}), http.StatusOK)
	return f, log, flush
}

// pushLayer pushes a layer that is too large for the database, in a trace.
func (f *fixture) pushLayer() (digest string) {
	layer := bytes.Repeat([]byte("layer"), 64<<10)
	digest = "sha256:" + hexSum(layer)
	r := f.v2("POST", "/v2/app/blobs/uploads/?digest="+digest, layer)
	r.Header.Set("Traceparent", "00-"+traceID+"-"+parentID+"-01")
	f.send(r, http.StatusCreated)
	return digest
}

func TestAPushIsOneTraceDownToTheDatabaseAndTheBlobStore(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret-of-the-collector")
	t.Setenv("OTEL_SERVICE_NAME", "registry-of-the-test")
	r := newReceiver(t)
	f, log, flush := followed(t, r.URL)
	digest := f.pushLayer()
	flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.service != "registry-of-the-test" || r.key != "secret-of-the-collector" {
		t.Errorf("service %q, key %q", r.service, r.key)
	}
	var paths []string
	for _, s := range r.spans {
		if hex.EncodeToString(s.GetTraceId()) != traceID {
			continue
		}
		path := r.path(s)
		paths = append(paths, strings.Join(path, " > "))
		about := attributesOf(s)
		if len(path) == 1 {
			if hex.EncodeToString(s.GetParentSpanId()) != parentID || s.GetKind() != otlp.Span_SPAN_KIND_SERVER {
				t.Errorf("the request's span is not inside of the client's: %v", s)
			}
			if about["url.path"] != "/v2/app/blobs/uploads/" || about["http.request.method"] != "POST" || about["aws.request_id"] == "" {
				t.Errorf("the request's span says %v", about)
			}
			continue
		}
		for key, value := range about {
			if strings.Contains(value, digest) || strings.Contains(value, "$1") {
				t.Errorf("%s tells what it was given: %s=%s", path, key, value)
			}
		}
	}
	for _, want := range []string{
		"oci StartUpload",
		"oci StartUpload > authorize",
		"oci StartUpload > blob create",
		"oci StartUpload > blob commit",
		"oci StartUpload > transaction",
		"oci StartUpload > transaction > INSERT blobs",
		"oci StartUpload > transaction > INSERT repository_blobs",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("no span %s in\n%s", want, strings.Join(paths, "\n"))
		}
	}
	if !strings.Contains(log.String(), "trace_id="+traceID) {
		t.Errorf("the log does not say which trace:\n%s", log)
	}
}

func TestARequestThatIsNotSampledIsNotFollowed(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	r := newReceiver(t)
	f, log, flush := followed(t, r.URL)
	f.send(f.v2("GET", "/v2/", nil), http.StatusOK)
	flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) > 0 || strings.Contains(log.String(), "trace_id") {
		t.Errorf("%d spans; log:\n%s", len(r.spans), log)
	}
}

func TestACollectorThatIsAwayHoldsNothingUp(t *testing.T) {
	f, _, flush := followed(t, "http://127.0.0.1:1")
	for range 20 {
		f.pushLayer()
	}
	flush() // which the server waits for when it stops
}
