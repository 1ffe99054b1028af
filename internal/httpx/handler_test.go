package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/httpx"
)

// serve answers one request and returns the response and the lines of the log.
func serve(t *testing.T, o httpx.Options, r *http.Request, next http.HandlerFunc) (*httptest.ResponseRecorder, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	o.Log = slog.New(slog.NewJSONHandler(&log, nil))
	w := httptest.NewRecorder()
	httpx.NewHandler(next, o).ServeHTTP(w, r)
	return w, logLines(t, log.String())
}

func logLines(t *testing.T, log string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func reply(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) }

func get(target string) *http.Request { return httptest.NewRequest(http.MethodGet, target, nil) }

func TestRequestIsLoggedOnceWithoutSecrets(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC)
	r := get("/v2/app/blobs/x?signature=hunter2")
	r.Header.Set("Authorization", "Basic hunter2")
	w, lines := serve(t, httpx.Options{Now: func() time.Time { now = now.Add(time.Second); return now }}, r,
		func(w http.ResponseWriter, r *http.Request) {
			record := httpx.RecordOf(r.Context())
			record.Protocol, record.Operation, record.Principal = "oci", "GetBlob", "arn:aws:iam::123456789012:root"
			w.WriteHeader(http.StatusNotFound)
			reply(w, "no ")
			_, _ = w.Write([]byte("such blob"))
		})
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	got := lines[0]
	delete(got, "time")
	id := w.Header().Get("x-amzn-RequestId")
	want := map[string]any{
		"level": "INFO", "msg": "request", "request_id": id, "method": "GET", "path": "/v2/app/blobs/x",
		"status": 404.0, "bytes": 12.0, "duration": float64(time.Second), "source": "192.0.2.1",
		"protocol": "oci", "operation": "GetBlob", "principal": "arn:aws:iam::123456789012:root", "access_key_id": "", "aborted": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("request id %q", id)
	}
}

func TestEveryRequestHasItsOwnID(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		var inside string
		w, _ := serve(t, httpx.Options{}, get("/"), func(_ http.ResponseWriter, r *http.Request) { inside = httpx.RecordOf(r.Context()).ID })
		id := w.Header().Get(httpx.RequestIDHeader)
		if id != inside || seen[id] {
			t.Fatalf("id %q, inside %q, seen %t", id, inside, seen[id])
		}
		seen[id] = true
	}
}

func TestLogRepeatsNoEndlessPath(t *testing.T) {
	_, lines := serve(t, httpx.Options{}, get("/"+strings.Repeat("x", 5000)), func(http.ResponseWriter, *http.Request) {})
	if got := len(lines[0]["path"].(string)); got > 1100 {
		t.Errorf("path of %d bytes", got)
	}
}

func TestStatusInTheLog(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  float64
		bytes   float64
		level   string
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, 200, 0, "INFO"},
		{"body alone", func(w http.ResponseWriter, _ *http.Request) { reply(w, "x") }, 200, 1, "INFO"},
		{"early hints", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		}, 204, 0, "INFO"},
		{"twice", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
		}, 201, 0, "INFO"},
		{"failure", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 503, 0, "ERROR"},
		{"flush", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.WriteHeader(http.StatusInternalServerError)
		}, 200, 0, "INFO"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, lines := serve(t, httpx.Options{}, get("/"), test.handler)
			got := lines[0]
			if got["status"] != test.status || got["bytes"] != test.bytes || got["level"] != test.level {
				t.Errorf("got %v %v %v", got["status"], got["bytes"], got["level"])
			}
		})
	}
}

func TestHeadHasNoBytes(t *testing.T) {
	_, lines := serve(t, httpx.Options{}, httptest.NewRequest(http.MethodHead, "/", nil),
		func(w http.ResponseWriter, _ *http.Request) { reply(w, "not sent") })
	if lines[0]["bytes"] != 0.0 {
		t.Errorf("got %v", lines[0]["bytes"])
	}
}

func TestPanicBeforeTheResponseIsA500(t *testing.T) {
	panics := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Docker-Content-Digest", "sha256:x")
		panic("broken")
	}
	w, lines := serve(t, httpx.Options{}, get("/"), panics)
	if w.Code != http.StatusInternalServerError || w.Body.String() != "Internal Server Error\n" || w.Header().Get("Docker-Content-Digest") != "" {
		t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
	}
	if len(lines) != 2 || lines[0]["panic"] != "broken" || lines[1]["status"] != 500.0 || lines[1]["level"] != "ERROR" {
		t.Fatalf("log %v", lines)
	}
	id := w.Header().Get(httpx.RequestIDHeader)
	if stack, _ := lines[0]["stack"].(string); !strings.Contains(stack, "handler_test.go") || lines[0]["request_id"] != id || id == "" {
		t.Errorf("log %v", lines[0])
	}

	w, _ = serve(t, httpx.Options{InternalError: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		reply(w, `{"__type":"InternalFailure"}`)
	}}, get("/"), panics)
	if w.Body.String() != `{"__type":"InternalFailure"}` {
		t.Errorf("got %q", w.Body)
	}
}

func TestPanicInTheResponseBreaksTheConnection(t *testing.T) {
	for name, value := range map[string]any{"panic": "broken", "abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "8")
				reply(w, "half")
				w.(http.Flusher).Flush()
				panic(value)
			}), httpx.Options{Log: slog.New(slog.DiscardHandler)}))
			defer server.Close()
			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "half" {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}

func TestAbortPassesThrough(t *testing.T) {
	var log bytes.Buffer
	h := httpx.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		httpx.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
		lines := logLines(t, log.String())
		if len(lines) != 1 || lines[0]["aborted"] != true || lines[0]["status"] != 0.0 {
			t.Errorf("log %v", lines)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), get("/"))
}

func TestContextIsStillTheRequests(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	serve(t, httpx.Options{}, get("/").WithContext(ctx), func(_ http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}) != "value" {
			t.Error("the value is gone")
		}
		child, stop := context.WithCancel(r.Context())
		defer stop()
		cancel()
		<-child.Done()
	})
}

func TestRecordOutsideOfARequest(t *testing.T) {
	httpx.RecordOf(t.Context()).Operation = "nothing"
	if got := httpx.RecordOf(t.Context()).Operation; got != "" {
		t.Errorf("got %q", got)
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header              { return w.header }
func (*nullWriter) WriteHeader(int)                    {}
func (*nullWriter) Write(p []byte) (int, error)        { return len(p), nil }
func (*nullWriter) SetReadDeadline(_ time.Time) error  { return nil }
func (*nullWriter) SetWriteDeadline(_ time.Time) error { return nil }

func benchmarkHandler(b *testing.B, o httpx.Options) {
	body := bytes.Repeat([]byte("x"), 1000)
	h := httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := httpx.RecordOf(r.Context())
		record.Protocol, record.Operation, record.Principal = "oci", "GetManifest", "arn:aws:iam::123456789012:root"
		_, _ = w.Write(body)
	}), o)
	w, r := &nullWriter{header: http.Header{}}, get("/v2/app/manifests/latest")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

func BenchmarkHandler(b *testing.B) {
	benchmarkHandler(b, httpx.Options{Log: slog.New(slog.DiscardHandler)})
}

func BenchmarkHandlerLoggedAndMeasured(b *testing.B) {
	benchmarkHandler(b, httpx.Options{Log: slog.New(slog.DiscardHandler), Metrics: newMetrics()})
}
