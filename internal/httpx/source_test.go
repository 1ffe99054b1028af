package httpx_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/nifuda/nifuda/internal/httpx"
)

func TestSourceIsWhatATrustedProxySays(t *testing.T) {
	proxies := httpx.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := map[string]struct {
		remote    string
		tls       bool
		forwarded []string
		proto     string

		source string
		secure bool
	}{
		"no proxy":                      {remote: "192.0.2.1:4000", source: "192.0.2.1"},
		"no proxy, TLS":                 {remote: "192.0.2.1:4000", tls: true, source: "192.0.2.1", secure: true},
		"a stranger's word":             {remote: "192.0.2.1:4000", forwarded: []string{"198.51.100.7"}, proto: "https", source: "192.0.2.1"},
		"a stranger's word over TLS":    {remote: "192.0.2.1:4000", tls: true, proto: "http", source: "192.0.2.1", secure: true},
		"a proxy":                       {remote: "10.1.2.3:4000", forwarded: []string{"198.51.100.7"}, proto: "https", source: "198.51.100.7", secure: true},
		"a proxy that ends no TLS":      {remote: "10.1.2.3:4000", tls: true, forwarded: []string{"198.51.100.7"}, proto: "http", source: "198.51.100.7"},
		"a silent proxy":                {remote: "10.1.2.3:4000", tls: true, source: "10.1.2.3", secure: true},
		"two proxies":                   {remote: "10.1.2.3:4000", forwarded: []string{"198.51.100.7, 10.9.9.9"}, source: "198.51.100.7"},
		"two lines":                     {remote: "10.1.2.3:4000", forwarded: []string{"198.51.100.7", "10.9.9.9"}, source: "198.51.100.7"},
		"an invention before the truth": {remote: "10.1.2.3:4000", forwarded: []string{"127.0.0.1, 198.51.100.7, 10.9.9.9"}, source: "198.51.100.7"},
		"a request from a proxy itself": {remote: "10.1.2.3:4000", forwarded: []string{"10.9.9.9"}, source: "10.9.9.9"},
		"words that are no addresses":   {remote: "10.1.2.3:4000", forwarded: []string{"unknown, 10.9.9.9"}, source: "10.9.9.9"},
		"an address with a port":        {remote: "10.1.2.3:4000", forwarded: []string{"198.51.100.7:9999"}, source: "198.51.100.7"},
		"IPv6":                          {remote: "[fd00::1]:4000", forwarded: []string{"[2001:db8::7]"}, source: "2001:db8::7"},
		"IPv4 within IPv6":              {remote: "[::ffff:10.1.2.3]:4000", forwarded: []string{"198.51.100.7"}, source: "198.51.100.7"},
		"a zone":                        {remote: "[fe80::1%eth0]:4000", source: "fe80::1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.remote, tt.forwarded
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if tt.proto != "" {
				r.Header.Set("X-Forwarded-Proto", tt.proto)
			}
			var record httpx.Record
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { record = *httpx.RecordOf(r.Context()) })
			httpx.NewHandler(next, httpx.Options{Log: slog.New(slog.DiscardHandler), Proxies: proxies}).ServeHTTP(httptest.NewRecorder(), r)
			if record.Source.String() != tt.source || record.Secure != tt.secure {
				t.Errorf("got %v, secure %v", record.Source, record.Secure)
			}
		})
	}
}

func FuzzSource(f *testing.F) {
	f.Add("10.1.2.3:1", "198.51.100.7, 10.9.9.9", "https")
	f.Add("[::1]:1", "[2001:db8::7%x]:1,,", "http,https")
	f.Fuzz(func(t *testing.T, remote, forwarded, proto string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = remote, []string{forwarded}, []string{proto}
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if record := httpx.RecordOf(r.Context()); record.Source.Zone() != "" || record.Source.Is4In6() {
				t.Errorf("got %v", record.Source)
			}
		})
		everyone := httpx.Proxies{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		httpx.NewHandler(next, httpx.Options{Log: slog.New(slog.DiscardHandler), Proxies: everyone}).ServeHTTP(httptest.NewRecorder(), r)
	})
}
