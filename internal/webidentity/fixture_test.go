package webidentity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/nifuda/nifuda/internal/webidentity"
)

const clientID = "sts.amazonaws.com"

var (
	now     = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	rsaKey  = sync.OnceValue(newRSAKey)
	rsaKey2 = sync.OnceValue(newRSAKey)
	ecKey   = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

func newRSAKey() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

// An issuer is an OpenID Connect provider on this machine.
type issuer struct {
	*httptest.Server
	handler http.ServeMux
	asked   atomic.Int32 // requests for the keys

	mu   sync.Mutex
	keys map[string]crypto.Signer
	down bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{keys: map[string]crypto.Signer{"rsa": rsaKey(), "ec": ecKey()}}
	i.handler.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	i.handler.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		i.document(w, i.keySet())
	})
	i.Server = httptest.NewTLSServer(&i.handler)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) document(w http.ResponseWriter, v any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

func (i *issuer) keySet() jose.JSONWebKeySet {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for id, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: id, Use: "sig"})
	}
	return set
}

func (i *issuer) set(keys map[string]crypto.Signer, down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys, i.down = keys, down
}

func (i *issuer) thumbprint() string {
	sum := sha1.Sum(i.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// provider is the issuer as an account trusts it.
func (i *issuer) provider() webidentity.Provider {
	return webidentity.Provider{URL: i.URL, ClientIDs: []string{clientID}, Thumbprints: []string{i.thumbprint()}}
}

// claims are those of a good token, with changes; nil deletes.
func (i *issuer) claims(changes map[string]any) map[string]any {
	c := map[string]any{"iss": i.URL, "sub": "job", "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, k any, id string, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: k, KeyID: id}}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A clock is a time that a test moves.
type clock struct{ moved atomic.Int64 }

func (c *clock) now() time.Time       { return now.Add(time.Duration(c.moved.Load())) }
func (c *clock) move(d time.Duration) { c.moved.Add(int64(d)) }

// newVerifier returns a verifier that may ask issuers on this machine and that
// knows no authority.
func newVerifier(c *clock, change func(*webidentity.Options)) *webidentity.Verifier {
	o := webidentity.Options{Hosts: []string{"127.0.0.1"}, Roots: x509.NewCertPool(), Now: c.now}
	if change != nil {
		change(&o)
	}
	return webidentity.New(o)
}
