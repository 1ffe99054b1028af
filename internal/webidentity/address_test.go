package webidentity_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/nifuda/nifuda/internal/webidentity"
)

func TestAddressesThatProvidersMayBeAt(t *testing.T) {
	for address, want := range map[string]bool{
		"192.0.2.1": true, "10.0.0.1": true, "192.168.1.1": true, "2001:db8::1": true, "fd12::1": true, "::ffff:10.0.0.1": true,
		"127.0.0.1": false, "127.1.2.3": false, "::1": false, "::ffff:127.0.0.1": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "100.100.100.200": false, "168.63.129.16": false,
		"0.0.0.0": false, "0.0.0.1": false, "::": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false,
	} {
		if got := webidentity.Reachable(netip.MustParseAddr(address), false); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
	if !webidentity.Reachable(netip.MustParseAddr("127.0.0.1"), true) {
		t.Error("a loopback address is refused to a host that is named")
	}
	if webidentity.Reachable(netip.MustParseAddr("169.254.169.254"), true) {
		t.Error("a link-local address is allowed to a host that is named")
	}
}

func TestHostsThatProvidersMayBeAt(t *testing.T) {
	i := newIssuer(t)
	token := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil))
	for name, tt := range map[string]struct {
		hosts []string
		want  bool
	}{
		"named":                     {[]string{"gitlab.example.com", "127.0.0.1"}, true},
		"not named":                 {[]string{"gitlab.example.com", "*.example.com"}, false},
		"any, which is no loopback": {nil, false},
		"a star, which is none":     {[]string{"*"}, false},
	} {
		v := newVerifier(&clock{}, func(o *webidentity.Options) { o.Hosts = tt.hosts })
		_, err := v.Verify(t.Context(), token, i.provider())
		if !tt.want {
			wantRefusal(t, err, webidentity.CodeIDPCommunicationError, "Couldn't retrieve")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificatesOfProviders(t *testing.T) {
	root := newCertificate(t, nil, func(c *x509.Certificate) { c.IsCA = true })
	intermediate := newCertificate(t, root, func(c *x509.Certificate) { c.IsCA = true })
	server := func(change func(*x509.Certificate)) *certificate {
		return newCertificate(t, intermediate, func(c *x509.Certificate) {
			c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
			if change != nil {
				change(c)
			}
		})
	}
	good := server(nil)
	otherName := server(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"gitlab.example.com"} })
	expired := server(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
	selfSigned := newCertificate(t, nil, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	tests := map[string]struct {
		chain       []*certificate
		roots       *certificate
		thumbprints []string
		want        bool
	}{
		"by an authority of the system": {[]*certificate{good, intermediate}, root, nil, true},
		"by nobody":                     {[]*certificate{good, intermediate}, nil, nil, false},
		"top of the chain":              {[]*certificate{good, intermediate}, nil, []string{strings.Repeat("0", 40), intermediate.thumbprint()}, true},
		"in capital letters":            {[]*certificate{good, intermediate}, nil, []string{strings.ToUpper(intermediate.thumbprint())}, true},
		"root in the chain":             {[]*certificate{good, intermediate, root}, nil, []string{root.thumbprint()}, true},
		"root that is not sent":         {[]*certificate{good, intermediate}, nil, []string{root.thumbprint()}, false},
		"self-signed":                   {[]*certificate{selfSigned}, nil, []string{selfSigned.thumbprint()}, true},
		"self-signed, not known":        {[]*certificate{selfSigned}, nil, []string{good.thumbprint()}, false},
		"of another host":               {[]*certificate{otherName, intermediate}, nil, []string{intermediate.thumbprint()}, false},
		"of another host, by authority": {[]*certificate{otherName, intermediate}, root, nil, false},
		"expired":                       {[]*certificate{expired, intermediate}, nil, []string{intermediate.thumbprint()}, false},
		"not of the chain":              {[]*certificate{selfSigned, intermediate}, nil, []string{intermediate.thumbprint()}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.Server = serve(t, i, tt.chain)
			v := newVerifier(&clock{}, func(o *webidentity.Options) {
				if tt.roots != nil {
					o.Roots.AddCert(tt.roots.x509)
				}
			})
			p := i.provider()
			p.Thumbprints = tt.thumbprints
			_, err := v.Verify(t.Context(), sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil)), p)
			if !tt.want {
				wantRefusal(t, err, webidentity.CodeInvalidIdentityToken, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What one account takes for a trust anchor must not serve another's.
func TestKeysAreNotSharedBetweenThumbprints(t *testing.T) {
	i := newIssuer(t)
	v := newVerifier(&clock{}, nil)
	token := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil))
	if _, err := v.Verify(t.Context(), token, i.provider()); err != nil {
		t.Fatal(err)
	}
	p := i.provider()
	p.Thumbprints = []string{strings.Repeat("0", 40)}
	_, err := v.Verify(t.Context(), token, p)
	wantRefusal(t, err, webidentity.CodeInvalidIdentityToken, "doesn't match configured thumbprint")
}

type certificate struct{ x509 *x509.Certificate }

func (c *certificate) thumbprint() string {
	sum := sha1.Sum(c.x509.Raw)
	return hex.EncodeToString(sum[:])
}

// newCertificate returns a certificate of the one test key; nil signs itself.
func newCertificate(t *testing.T, parent *certificate, change func(*x509.Certificate)) *certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: serial.String()},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour), BasicConstraintsValid: true,
	}
	change(template)
	if parent == nil {
		parent = &certificate{template}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.x509, ecKey().Public(), ecKey())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &certificate{parsed}
}

func serve(t *testing.T, i *issuer, chain []*certificate) *httptest.Server {
	t.Helper()
	pair := tls.Certificate{PrivateKey: ecKey()}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.x509.Raw)
	}
	s := httptest.NewUnstartedServer(&i.handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// Two tenants of a host may have names that differ in case only.
func TestKeysAreNotSharedBetweenPaths(t *testing.T) {
	i := newIssuer(t)
	keysAt := map[string]crypto.Signer{"/tenant": rsaKey(), "/TENANT": rsaKey2()}
	for path, k := range keysAt {
		i.handler.HandleFunc("GET "+path+"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL + path, "jwks_uri": i.URL + path + "/keys"})
		})
		i.handler.HandleFunc("GET "+path+"/keys", func(w http.ResponseWriter, _ *http.Request) {
			i.document(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), KeyID: "rsa", Use: "sig"}}})
		})
	}
	v := newVerifier(&clock{}, nil)
	for _, path := range []string{"/TENANT", "/tenant"} {
		p := i.provider()
		p.URL += path
		for signer, k := range keysAt {
			_, err := v.Verify(t.Context(), sign(t, jose.RS256, k, "rsa", i.claims(map[string]any{"iss": p.URL})), p)
			if (err == nil) != (signer == path) {
				t.Errorf("a token of %s signed by %s: %v", path, signer, err)
			}
		}
	}
}
