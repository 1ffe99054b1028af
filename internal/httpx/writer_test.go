package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
)

const fileSize = 5<<20 + 123

func testFile(t testing.TB) (path string, content []byte) {
	t.Helper()
	content = make([]byte, fileSize)
	for i := range content {
		content[i] = byte(i * 7)
	}
	path = filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func serveFile(t testing.TB, path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, "blob.bin", time.Time{}, f)
	}
}

// countingListener's connections count the bytes that net/http hands over as a
// file, in the only forms that the kernel can send.
type countingListener struct {
	net.Listener
	sent *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn.(*net.TCPConn), l.sent}, nil
}

type countingConn struct {
	*net.TCPConn
	sent *atomic.Int64
}

func (c *countingConn) ReadFrom(src io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(src)
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	if _, ok := src.(*os.File); ok {
		c.sent.Add(n)
	}
	return n, err
}

func TestFileReachesTheConnectionAsAFile(t *testing.T) {
	path, content := testFile(t)
	handlers := map[string]http.HandlerFunc{
		"ServeContent": serveFile(t, path),
		"Copy": func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", "5243003")
			if n, err := w.(io.ReaderFrom).ReadFrom(f); n != fileSize || err != nil {
				t.Errorf("sent %d, %v", n, err)
			}
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			log := make(chan string, 1)
			server := httptest.NewUnstartedServer(httpx.NewHandler(handler, httpx.Options{Log: slog.New(slog.NewJSONHandler(lineWriter(log), nil))}))
			server.Listener = countingListener{server.Listener, &sent}
			server.Start()
			defer server.Close()
			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if sent.Load() < fileSize-512 { // net/http sends the first few bytes itself
				t.Errorf("%d of %d bytes went out as a file", sent.Load(), fileSize)
			}
			if line := logLines(t, <-log)[0]; line["bytes"] != float64(fileSize) {
				t.Errorf("logged %v bytes", line["bytes"])
			}
		})
	}
}

// lineWriter sends each line of a log on a channel.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestRangeOfAFile(t *testing.T) {
	path, content := testFile(t)
	server := httptest.NewServer(httpx.NewHandler(serveFile(t, path), httpx.Options{Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Range", "bytes=1000-3000999")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusPartialContent || !bytes.Equal(got, content[1000:3001000]) {
		t.Errorf("got %d, %d bytes, %v", response.StatusCode, len(got), err)
	}
}

// sink is a ResponseWriter that can take files, or only says so.
type sink struct {
	httptest.ResponseRecorder
	sizes []int64
	limit int64
}

func (s *sink) ReadFrom(src io.Reader) (int64, error) {
	if s.limit > 0 {
		n, _ := io.CopyN(s.Body, src, s.limit)
		return n, io.ErrClosedPipe
	}
	n, err := io.Copy(s.Body, src)
	s.sizes = append(s.sizes, n)
	return n, err
}

func TestReadFromLeavesTheLimitWhereItStopped(t *testing.T) {
	for name, test := range map[string]struct {
		source, limit  int64
		fail           int64
		want, wantLeft int64
		wantErr        error
	}{
		"whole":          {source: 3 << 20, limit: 3 << 20, want: 3 << 20},
		"part":           {source: 3 << 20, limit: 2<<20 + 5, want: 2<<20 + 5},
		"short source":   {source: 1<<20 + 1, limit: 3 << 20, want: 1<<20 + 1, wantLeft: 2<<20 - 1},
		"empty":          {},
		"broken in part": {source: 3 << 20, limit: 3 << 20, fail: 7, want: 7, wantLeft: 3<<20 - 7, wantErr: io.ErrClosedPipe},
	} {
		t.Run(name, func(t *testing.T) {
			to := &sink{limit: test.fail}
			to.Body = new(bytes.Buffer)
			source := &io.LimitedReader{R: strings.NewReader(strings.Repeat("x", int(test.source))), N: test.limit}
			httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				n, err := w.(io.ReaderFrom).ReadFrom(source)
				if n != test.want || !errors.Is(err, test.wantErr) {
					t.Errorf("got %d, %v", n, err)
				}
			}), httpx.Options{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(to, get("/"))
			if source.N != test.wantLeft || int64(to.Body.Len()) != test.want {
				t.Errorf("%d left, %d arrived", source.N, to.Body.Len())
			}
			for _, size := range to.sizes {
				if size > 1<<20 {
					t.Errorf("a part of %d bytes under one deadline", size)
				}
			}
		})
	}
}

func TestFileOverHTTP2(t *testing.T) {
	path, content := testFile(t)
	server := httptest.NewUnstartedServer(httpx.NewHandler(serveFile(t, path), httpx.Options{Log: slog.New(slog.DiscardHandler)}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.ProtoMajor != 2 || !bytes.Equal(got, content) {
		t.Errorf("%s, %d bytes, %v", response.Proto, len(got), err)
	}
}

func TestControllerReachesTheConnection(t *testing.T) {
	server := httptest.NewServer(httpx.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}), httpx.Options{Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func BenchmarkServeFile(b *testing.B) {
	path, content := testFile(b)
	for name, h := range map[string]http.Handler{
		"bare":    serveFile(b, path),
		"wrapped": httpx.NewHandler(serveFile(b, path), httpx.Options{Log: slog.New(slog.DiscardHandler)}),
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(h)
			defer server.Close()
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				response, err := server.Client().Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil {
					b.Fatal(err)
				}
				response.Body.Close()
			}
		})
	}
}
