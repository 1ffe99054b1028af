package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/config"
)

func TestHealthcheckAsksTheAddressOfTheSettings(t *testing.T) {
	for _, test := range []struct{ listen, cert, want string }{
		{"127.0.0.1:5050", "", "http://127.0.0.1:5050/readyz"},
		{"0.0.0.0:5050", "", "http://127.0.0.1:5050/readyz"},
		{":80", "", "http://127.0.0.1:80/readyz"},
		{"[::]:80", "", "http://[::1]:80/readyz"},
		{"10.0.0.7:443", "tls.crt", "https://10.0.0.7:443/readyz"},
	} {
		c := config.Config{Listen: test.listen, TLSCert: test.cert}
		if got, err := readyURL(c); err != nil || got != test.want {
			t.Errorf("%q with the certificate %q: %q, %v, want %q", test.listen, test.cert, got, err, test.want)
		}
	}
}

func TestHealthcheckTellsWhetherTheServerIsReady(t *testing.T) {
	status := http.StatusOK
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer secure.Close()
	pair := filepath.Join(t.TempDir(), "tls.pem")
	if err := os.WriteFile(pair, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"healthcheck", "--listen", plain.Listener.Addr().String()},
		{"healthcheck", "--listen", secure.Listener.Addr().String(), "--tls-cert", pair, "--tls-key", pair},
	} {
		status = http.StatusOK
		if out, err := run(t, args...); err != nil || out != "ready\n" {
			t.Errorf("%v of a server that is ready: %q, %v", args, out, err)
		}
		status = http.StatusServiceUnavailable
		if _, err := run(t, args...); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%v of a server that is not ready: %v, want its status", args, err)
		}
	}
	plain.Close()
	if _, err := run(t, "healthcheck", "--listen", plain.Listener.Addr().String()); err == nil {
		t.Error("a server that is not there is healthy")
	}
}
