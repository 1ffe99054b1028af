package s3

import (
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fault is what a proxy does to a request.
type fault int

const (
	pass          fault = iota
	slowDown            // 503 with S3's code
	tooMany             // 429 without anything
	internalError       // 500
	cutRequest          // the connection ends in the middle of the body
	loseAnswer          // the server does it, and nobody hears of it
	cutAnswer           // the answer ends in the middle
	silence             // no answer within the client's patience
	errorIn200          // an error behind a status of success
)

// faultNames are for the names of tests.
var faultNames = map[fault]string{
	slowDown: "503 SlowDown", tooMany: "429", internalError: "500", cutRequest: "cut in the request", loseAnswer: "lost answer",
	cutAnswer: "cut in the answer", silence: "silence", errorIn200: "error in a 200",
}

// A faultyServer is a proxy before an S3 server.
type faultyServer struct {
	address string
	server  *httputil.ReverseProxy
	ended   chan struct{}

	mu     sync.Mutex
	decide func(operation string) fault
	// inspect looks at each request; nil does not.
	inspect func(*http.Request)
	seen    map[string]int // requests by operation
}

func startFaulty(t *testing.T, to string) *faultyServer {
	t.Helper()
	f := &faultyServer{decide: func(string) fault { return pass }, seen: map[string]int{}, ended: make(chan struct{})}
	f.server = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			r.Out.Host = r.In.Host // which is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	s := httptest.NewServer(f)
	f.address = strings.TrimPrefix(s.URL, "http://")
	f.closeWith(t, s)
	return f
}

// closeWith ends the proxy with the test.
func (f *faultyServer) closeWith(t *testing.T, s *httptest.Server) {
	t.Cleanup(func() {
		close(f.ended)
		s.CloseClientConnections()
		s.Close()
	})
}

// startTLS puts TLS before an S3 server, and has the process trust it.
func startTLS(t *testing.T, to string) *faultyServer {
	t.Helper()
	f := startFaulty(t, to)
	s := httptest.NewTLSServer(f)
	t.Cleanup(s.Close)
	f.address = strings.TrimPrefix(s.URL, "https://")
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	return f
}

// inject sets what is done from now on.
func (f *faultyServer) inject(decide func(operation string) fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decide, f.seen = decide, map[string]int{}
}

// once injects a fault into the first request of an operation.
func (f *faultyServer) once(operation string, what fault) {
	first := true
	f.inject(func(o string) fault {
		if o != operation || !first {
			return pass
		}
		first = false
		return what
	})
}

func (f *faultyServer) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[operation]
}

// ServeHTTP implements [http.Handler].
func (f *faultyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := operationOf(r)
	f.mu.Lock()
	f.seen[operation]++
	if f.inspect != nil {
		f.inspect(r)
	}
	what := f.decide(operation)
	f.mu.Unlock()
	switch what {
	case slowDown, internalError, tooMany, errorIn200:
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, what)
	case cutRequest:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case silence:
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-f.ended:
		}
	case loseAnswer:
		f.server.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case cutAnswer:
		f.cutAnswer(w, r)
	default:
		f.server.ServeHTTP(w, r)
	}
}

func refuse(w http.ResponseWriter, what fault) {
	switch what {
	case slowDown:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
	case errorIn200:
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>`)
	case tooMany:
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// cutAnswer sends the half of an answer's body, or of its head if it has none.
func (f *faultyServer) cutAnswer(w http.ResponseWriter, r *http.Request) {
	whole := httptest.NewRecorder()
	f.server.ServeHTTP(whole, r)
	answer := whole.Result()
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	var text bytes.Buffer
	_ = answer.Write(&text)
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer connection.Close()
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(-1)
	}
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = connection.Write(text.Bytes()[:text.Len()-len(body)/2-1])
}

// operationOf names what a request asks for.
func operationOf(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("list-type"):
		return "List"
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodPut && query.Has("uploadId"):
		return "UploadPart"
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == http.MethodGet && query.Has("uploadId"):
		return "ListParts"
	case query.Has("uploads"):
		return "ListMultipartUploads"
	}
	return map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[r.Method]
}
