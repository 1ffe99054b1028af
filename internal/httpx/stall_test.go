package httpx_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
)

// pipeListener accepts connections in memory, whose deadlines follow the clock
// of a synctest bubble.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error   { close(l.closed); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// dial runs test as the client of a server with the handler and the default patience.
func dial(t *testing.T, next http.HandlerFunc, test func(t *testing.T, client net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := pipeListener{make(chan net.Conn), make(chan struct{})}
		log := slog.New(slog.DiscardHandler)
		server := httpx.NewServer(httpx.NewHandler(next, httpx.Options{Log: log}), log)
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		client, peer := net.Pipe()
		defer client.Close()
		l.conns <- peer
		test(t, client)
	})
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Error(err)
	}
}

func readBody(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	if errors.Is(err, httpx.ErrStalled) {
		w.WriteHeader(http.StatusRequestTimeout)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func wantStatus(t *testing.T, from *bufio.Reader, status int) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != status {
		t.Errorf("got %s", response.Status)
	}
}

func TestBodyThatStandsStillEndsTheRequest(t *testing.T) {
	dial(t, readBody, func(t *testing.T, client net.Conn) {
		start := time.Now()
		send(t, client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome")
		wantStatus(t, bufio.NewReader(client), http.StatusRequestTimeout)
		if took := time.Since(start); took < 60*time.Second || took > 68*time.Second {
			t.Errorf("took %s", took)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is still there: %v", err)
		}
	})
}

func TestBodyThatFlowsSlowlyIsTaken(t *testing.T) {
	dial(t, readBody, func(t *testing.T, client net.Conn) {
		send(t, client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 20480\r\n\r\n")
		for range 20 {
			time.Sleep(59 * time.Second) // of the bubble's clock
			send(t, client, strings.Repeat("x", 1024))
		}
		wantStatus(t, bufio.NewReader(client), http.StatusOK)
	})
}

func TestBodyThatCrawlsEndsTheRequest(t *testing.T) {
	dial(t, readBody, func(t *testing.T, client net.Conn) {
		start := time.Now()
		send(t, client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n")
		for range 2 {
			time.Sleep(59 * time.Second) // of the bubble's clock
			send(t, client, "x")
		}
		wantStatus(t, bufio.NewReader(client), http.StatusRequestTimeout)
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestUnreadBodyDoesNotHoldTheResponse(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	dial(t, refuse, func(t *testing.T, client net.Conn) {
		start := time.Now()
		send(t, client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
		wantStatus(t, bufio.NewReader(client), http.StatusNotFound)
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// Once the body is there, the deadline for it must not cancel the work on it.
func TestLongWorkAfterTheBodyIsNotCutOff(t *testing.T) {
	work := func(w http.ResponseWriter, r *http.Request) {
		readBody(w, r)
		select {
		case <-r.Context().Done():
			w.WriteHeader(http.StatusServiceUnavailable)
		case <-time.After(time.Hour):
			w.WriteHeader(http.StatusCreated)
		}
	}
	dial(t, work, func(t *testing.T, client net.Conn) {
		answers := bufio.NewReader(client)
		for range 2 { // and neither does the next request meet an old deadline
			send(t, client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
			wantStatus(t, answers, http.StatusCreated)
			time.Sleep(100 * time.Second) // of the bubble's clock
		}
	})
}

func TestClientThatTakesNothingEndsTheResponse(t *testing.T) {
	var err error
	var took time.Duration
	write := func(w http.ResponseWriter, _ *http.Request) {
		start := time.Now()
		_, err = io.Copy(w, strings.NewReader(strings.Repeat("x", 10<<20)))
		took = time.Since(start)
	}
	dial(t, write, func(t *testing.T, client net.Conn) {
		send(t, client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(2 * time.Minute) // of the bubble's clock
		synctest.Wait()
		if err == nil || took < 60*time.Second || took > 68*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}
