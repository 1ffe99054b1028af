package webidentity

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// fetchTimeout is how long both documents of a provider may take together.
	fetchTimeout = 10 * time.Second

	// maxDiscovery is the longest discovery document in bytes.
	maxDiscovery = 64 << 10
	maxHeader    = 32 << 10

	discoveryPath = "/.well-known/openid-configuration"
)

// A fetcher asks providers for their keys.
type fetcher struct {
	hosts []string
	roots *x509.CertPool
	now   func() time.Time
}

// fetch reads a provider's discovery document, and the keys where that points.
func (f *fetcher) fetch(ctx context.Context, p Provider) ([]key, error) {
	text, err := f.get(ctx, trimSlash(p.URL)+discoveryPath, p.Thumbprints, maxDiscovery)
	if err != nil {
		return nil, err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("discovery document: %w", err)
	}
	if trimSlash(document.Issuer) != trimSlash(p.URL) {
		return nil, fmt.Errorf("discovery document is of another issuer, %.255q", document.Issuer)
	}
	if text, err = f.get(ctx, document.JWKSURI, p.Thumbprints, maxKeySet); err != nil {
		return nil, err
	}
	return parseKeys(text)
}

func (f *fetcher) get(ctx context.Context, address string, thumbprints []string, limit int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%.255q is no address to ask over HTTPS", address)
	}
	if !f.mayAsk(u.Hostname()) {
		return nil, fmt.Errorf("the host %.255q is none of those that providers may be at", u.Hostname())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	client := f.client(u.Hostname(), thumbprints)
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %.255s: status %d", u, response.StatusCode)
	}
	text, err := readAtMost(response.Body, limit)
	if err != nil {
		return nil, fmt.Errorf("GET %.255s: %w", u, err)
	}
	return text, nil
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return text, err
}

// client returns a client for one request to a host. It takes no proxy from the
// environment: who connects for us cannot be kept from bad addresses.
func (f *fetcher) client(host string, thumbprints []string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            f.dial,
			TLSClientConfig:        f.tlsConfig(host, thumbprints),
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial connects to an address that may be asked, looking at each that the name
// means when it is connected to: a name cannot mean another one by then.
func (f *fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	loopback := f.mayBeLoopback(host)
	dialer := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !reachable(to.Addr(), loopback) {
			return fmt.Errorf("%s is no address that providers may be at", to.Addr())
		}
		return nil
	}}
	return dialer.DialContext(ctx, network, address)
}

// metadata are the addresses of clouds' metadata services that no class of
// addresses below holds.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

// translated are the prefixes whose addresses hold an IPv4 address that a
// translator connects to: NAT64 (RFC 6052) and 6to4 (RFC 3056).
var translated = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16")}

// reachable reports whether a provider may be at an address.
func reachable(a netip.Addr, loopback bool) bool {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return loopback
	case a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case a.Is4() && a.As4()[0] == 0: // "this network", which some systems take for themselves
		return false
	}
	return !slices.Contains(metadata, a) && !slices.ContainsFunc(translated, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (f *fetcher) mayAsk(host string) bool {
	return len(f.hosts) == 0 || slices.ContainsFunc(f.hosts, func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(host))
		return ok && err == nil
	})
}

func (f *fetcher) mayBeLoopback(host string) bool {
	return slices.ContainsFunc(f.hosts, func(named string) bool { return strings.EqualFold(named, host) })
}

// tlsConfig has the peer's certificate verified by the authorities of the
// system, and else by what the account holds for the provider's trust anchors.
//
// The host is not taken from the connection's state, where an address is none.
func (f *fetcher) tlsConfig(host string, thumbprints []string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// What VerifyConnection does instead, and on each connection.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return f.verifyPeer(host, state.PeerCertificates, thumbprints)
		},
	}
}

// errUntrusted reports a certificate that nothing vouches for.
var errUntrusted = errors.New("no authority and no thumbprint vouches for the provider's certificate")

func (f *fetcher) verifyPeer(host string, chain []*x509.Certificate, thumbprints []string) error {
	options := x509.VerifyOptions{DNSName: host, Roots: f.roots, Intermediates: pool(chain[1:]...), CurrentTime: f.now()}
	_, err := chain[0].Verify(options)
	if err == nil {
		return nil
	}
	for _, certificate := range chain {
		if !slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint(certificate)) }) {
			continue
		}
		options.Roots = pool(certificate)
		if _, err = chain[0].Verify(options); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", errUntrusted, err)
}

// thumbprint is how IAM names a certificate.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}

func pool(certificates ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certificates {
		p.AddCert(c)
	}
	return p
}
