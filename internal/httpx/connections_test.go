package httpx_test

import (
	"bufio"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/httpx"
)

// keepAlive opens a connection to the listener and returns what asks one request on it.
func keepAlive(t *testing.T, l net.Listener) (ask func() error) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	answers := bufio.NewReader(conn)
	return func() error {
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			return err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
}

func TestIdleConnectionsMakeRoomForNewOnes(t *testing.T) {
	const most = 3
	server := httpx.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := httpx.LimitConnections(tcp, server, httpx.ConnectionLimits{All: most})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	broken := 0
	var all []func() error
	for range 4 * most {
		ask := keepAlive(t, l)
		if err := ask(); err != nil {
			t.Fatalf("a new connection among idle ones: %v", err)
		}
		all = append(all, ask)
	}
	for _, ask := range all {
		if ask() != nil {
			broken++
		}
	}
	if want := len(all) - most; broken < want {
		t.Errorf("%d of %d idle connections were closed, want at least %d", broken, len(all), want)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed { //nolint:errorlint // Serve returns it unwrapped
		t.Error(err)
	}
}

// An Accept that waits for room must not keep the server from ending.
func TestServerEndsWhileConnectionsWait(t *testing.T) {
	hold, underWay := make(chan struct{}), make(chan struct{})
	server := httpx.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(underWay)
		<-hold
	}), slog.New(slog.DiscardHandler))
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := httpx.LimitConnections(tcp, server, httpx.ConnectionLimits{All: 1})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ask := keepAlive(t, l)
	answered := make(chan error, 1)
	go func() { answered <- ask() }()
	<-underWay // a connection that nobody has accepted yet would be reset
	keepAlive(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err == nil {
		t.Error("the server does not say why it ended")
	}
	close(hold)
	if err := <-answered; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

func TestASourceHasSoManyConnections(t *testing.T) {
	for name, c := range map[string]struct {
		proxies httpx.Proxies
		third   bool // is served
	}{
		"a client":        {nil, false},
		"a trusted proxy": {httpx.Proxies{netip.MustParsePrefix("127.0.0.0/8")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httpx.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
			tcp, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := httpx.LimitConnections(tcp, server, httpx.ConnectionLimits{All: 100, PerSource: 2, Proxies: c.proxies})
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			for range 2 {
				if err := keepAlive(t, l)(); err != nil {
					t.Fatal(err)
				}
			}
			if err := keepAlive(t, l)(); (err == nil) != c.third {
				t.Errorf("the third connection: %v", err)
			}
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
}
