package awsjson_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
)

// bodyLimit is more than the buffers of a connection take.
const bodyLimit = 12 << 20

// serve returns the address of a server with the operation Big, which takes
// bodies up to bodyLimit.
func serve(t *testing.T) net.Addr {
	t.Helper()
	s := service()
	s.Operations["Big"] = s.Operations["Silent"]
	s.Limits["Big"] = bodyLimit
	logger := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(httpx.NewHandler(awsjson.New(awsjson.Options{Log: logger}, s), httpx.Options{Log: logger}))
	t.Cleanup(server.Close)
	return server.Listener.Addr()
}

const bigHead = "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: ann\r\n" +
	"Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Notes_1.Big\r\n"

func TestTooLargeABodyIsRefusedToAClientThatReadsLast(t *testing.T) {
	const size = bodyLimit + bodyLimit*3/4
	body := strings.Repeat("a", size)
	tests := []struct{ name, request string }{
		{"announced", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", bigHead, size, body)},
		{"unannounced", fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", bigHead, size, body)},
		{"unannounced and waited for", fmt.Sprintf("%sExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", bigHead, size, body)},
		{"announced and waiting", fmt.Sprintf("%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", bigHead, size)},
		{"announced far too large and waiting", fmt.Sprintf("%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", bigHead, 1<<40)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := serve(t)
			conn, err := net.Dial(address.Network(), address.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, test.request); err != nil {
				t.Fatal("send:", err)
			}
			checkTooLarge(t, conn)
		})
	}
}

// checkTooLarge reads a connection to its end: a refusal and nothing after it.
func checkTooLarge(t *testing.T, conn io.Reader) {
	t.Helper()
	from := bufio.NewReader(conn)
	response, err := http.ReadResponse(from, nil)
	for err == nil && response.StatusCode == http.StatusContinue {
		response, err = http.ReadResponse(from, nil)
	}
	if err != nil {
		t.Fatal("receive:", err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal("receive:", err)
	}
	want := fmt.Sprintf(`{"__type":"RequestEntityTooLargeException","message":"The request body is larger than %d bytes."}`, bodyLimit)
	if response.StatusCode != http.StatusRequestEntityTooLarge || string(got) != want || !response.Close {
		t.Errorf("got %d %s, closing %v; want 413 %s and the end", response.StatusCode, got, response.Close, want)
	}
	if rest, err := io.ReadAll(from); err != nil || len(rest) > 0 {
		t.Errorf("then came %q, %v", rest, err)
	}
}

// endless is a body that counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	clear(p)
	return len(p), nil
}

func TestNoMoreThanTwiceTheLimitIsReadOfABody(t *testing.T) {
	const limit, slack = 1 << 20, 64 << 10
	tests := []struct {
		name      string
		announced int64
		most      int64
	}{
		{"unannounced", -1, 2*limit + slack},
		{"announced a little over", limit + 1, limit + 1 + slack},
		{"announced far over", 2*limit + 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := service()
			s.Limits["Silent"] = limit
			body := new(endless)
			r := request("Silent", "")
			r.Body, r.ContentLength = io.NopCloser(body), test.announced
			w := httptest.NewRecorder()
			awsjson.New(awsjson.Options{}, s).ServeHTTP(w, r)
			if w.Code != http.StatusRequestEntityTooLarge || body.read > test.most {
				t.Errorf("got %d after %d bytes, want 413 after at most %d", w.Code, body.read, test.most)
			}
		})
	}
}

func TestLongBodiesArriveWhole(t *testing.T) {
	for _, size := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 8 << 20, 9 << 20} {
		for _, announced := range []bool{true, false} {
			body := `{"name":"` + strings.Repeat("n", size-11) + `"}`
			r := request("Echo", body)
			if !announced {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			handler(io.Discard).ServeHTTP(w, r)
			if w.Code != http.StatusOK || w.Body.String() != body {
				t.Errorf("%d bytes, announced %v: got %d with %d bytes", size, announced, w.Code, w.Body.Len())
			}
		}
	}
}

func TestABodyThatStallsTimesOut(t *testing.T) {
	r := request("Echo", "")
	r.Body, r.ContentLength = io.NopCloser(stalled{}), 10
	w := httptest.NewRecorder()
	handler(io.Discard).ServeHTTP(w, r)
	if got := object(t, w.Body.Bytes())["__type"]; w.Code != http.StatusRequestTimeout || got != "RequestTimeoutException" {
		t.Errorf("got %d %v", w.Code, got)
	}
}

type stalled struct{}

func (stalled) Read([]byte) (int, error) { return 0, httpx.ErrStalled }
