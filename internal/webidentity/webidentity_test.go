package webidentity_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/webidentity"
)

func TestTokensOfWellKnownProviders(t *testing.T) {
	i := newIssuer(t)
	v := newVerifier(&clock{}, nil)
	tests := map[string]struct {
		claims   map[string]any
		clientID string
		want     map[string][]string // some of the claims
	}{
		"GitHub Actions": {
			map[string]any{
				"sub": "repo:octo-org/octo-repo:environment:prod", "aud": clientID, "environment": "prod", "ref": "refs/heads/main", "repository": "octo-org/octo-repo",
				"repository_owner": "octo-org", "run_id": "100", "workflow": "build", "job_workflow_ref": "octo-org/octo-repo/.github/workflows/build.yml@refs/heads/main",
				"jti": "6f4b", "nbf": now.Add(-time.Minute).Unix(), "runner_environment": "github-hosted",
			},
			clientID,
			map[string][]string{"sub": {"repo:octo-org/octo-repo:environment:prod"}, "aud": {clientID}, "environment": {"prod"}, "ref": {"refs/heads/main"}, "repository": {"octo-org/octo-repo"}},
		},
		"GitLab": {
			map[string]any{
				"sub": "project_path:group/app:ref_type:branch:ref:main", "aud": "https://gitlab.example.com", "project_path": "group/app", "ref_protected": "true",
				"user_identities": []any{map[string]any{"provider": "x"}}, "groups_direct": []string{"group", "other"}, "project_id": 22,
			},
			"https://gitlab.example.com",
			map[string][]string{"project_path": {"group/app"}, "ref_protected": {"true"}, "groups_direct": {"group", "other"}, "project_id": {"22"}, "user_identities": nil},
		},
		"Kubernetes": {
			map[string]any{
				"sub": "system:serviceaccount:ci:builder", "aud": []string{"https://kubernetes.default.svc", clientID},
				"kubernetes.io": map[string]any{"namespace": "ci", "serviceaccount": map[string]any{"name": "builder", "uid": "1"}},
			},
			clientID,
			map[string][]string{"sub": {"system:serviceaccount:ci:builder"}, "aud": {"https://kubernetes.default.svc", clientID}, "kubernetes.io": nil},
		},
		"with an authorized party": {
			map[string]any{"aud": []string{"account", "x"}, "azp": "app", "OAUD": "forged", "amr": []string{"mfa"}, "email_verified": true},
			"app",
			map[string][]string{"aud": {"app"}, "oaud": {"account", "x"}, "azp": {"app"}, "amr": {"mfa"}, "email_verified": {"true"}},
		},
		"without an authorized party": {map[string]any{"oAud": "forged"}, clientID, map[string][]string{"oaud": nil, "oAud": nil}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := i.provider()
			p.ClientIDs = []string{"another", tt.clientID}
			for _, token := range []string{
				sign(t, jose.RS256, rsaKey(), "rsa", i.claims(tt.claims)),
				sign(t, jose.ES256, ecKey(), "ec", i.claims(tt.claims)),
				sign(t, jose.RS512, rsaKey(), "", i.claims(tt.claims)),
			} {
				got, err := v.Verify(t.Context(), token, p)
				if err != nil {
					t.Fatal(err)
				}
				if got.Audience != tt.clientID {
					t.Errorf("audience %q, want %q", got.Audience, tt.clientID)
				}
				if got.Subject != got.Claims["sub"][0] {
					t.Errorf("subject %q, claim %q", got.Subject, got.Claims["sub"])
				}
				for claim, want := range tt.want {
					if diff := cmp.Diff(want, got.Claims[claim]); diff != "" {
						t.Errorf("claim %s: %s", claim, diff)
					}
				}
			}
		})
	}
}

func TestRefusedTokens(t *testing.T) {
	i := newIssuer(t)
	v := newVerifier(&clock{}, nil)
	good := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil))
	with := func(changes map[string]any) string { return sign(t, jose.RS256, rsaKey(), "rsa", i.claims(changes)) }
	parts := strings.Split(good, ".")
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	withHeader := func(changes map[string]any) string {
		header := map[string]any{"alg": "RS256", "kid": "rsa"}
		maps.Copy(header, changes)
		return encode(header) + "." + parts[1] + "." + parts[2]
	}
	public, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		token   string
		code    webidentity.Code
		message string
	}{
		"empty":                      {"", webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
		"no token":                   {"x.y.z", webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
		"too long":                   {strings.Repeat("x", webidentity.MaxToken+1), webidentity.CodeInvalidIdentityToken, "longer than 20000"},
		"unsigned":                   {encode(map[string]any{"alg": "none"}) + "." + parts[1] + ".", webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
		"signed with the public key": {sign(t, jose.HS256, public, "rsa", i.claims(nil)), webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
		"critical extension":         {withHeader(map[string]any{"crit": []string{"b64"}, "b64": false}), webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
		"altered claims":             {parts[0] + "." + encode(i.claims(map[string]any{"sub": "admin"})) + "." + parts[2], webidentity.CodeInvalidIdentityToken, "signature of the token is not valid"},
		"another key of the same id": {sign(t, jose.RS256, rsaKey2(), "rsa", i.claims(nil)), webidentity.CodeInvalidIdentityToken, "signature of the token is not valid"},
		"a key that it brings along": {
			func() string {
				signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: rsaKey2()}, &jose.SignerOptions{EmbedJWK: true})
				if err != nil {
					t.Fatal(err)
				}
				payload, _ := json.Marshal(i.claims(nil))
				signed, err := signer.Sign(payload)
				if err != nil {
					t.Fatal(err)
				}
				token, _ := signed.CompactSerialize()
				return token
			}(),
			webidentity.CodeInvalidIdentityToken, "signature of the token is not valid",
		},
		"key id of another kind":      {sign(t, jose.ES256, ecKey(), "rsa", i.claims(nil)), webidentity.CodeInvalidIdentityToken, "does not publish"},
		"unknown key id":              {sign(t, jose.RS256, rsaKey(), "other", i.claims(nil)), webidentity.CodeInvalidIdentityToken, "does not publish"},
		"expired":                     {with(map[string]any{"exp": now.Add(-time.Minute).Unix()}), webidentity.CodeExpiredToken, "Token expired: current date/time 1795608000 must be before"},
		"not yet":                     {with(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}), webidentity.CodeIDPRejectedClaim, "not valid before"},
		"issued in the future":        {with(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}), webidentity.CodeIDPRejectedClaim, "in the future"},
		"of another issuer":           {with(map[string]any{"iss": "https://token.actions.githubusercontent.com"}), webidentity.CodeInvalidIdentityToken, "is not the provider's URL"},
		"for another audience":        {with(map[string]any{"aud": "other"}), webidentity.CodeInvalidIdentityToken, "Incorrect token audience"},
		"for another party":           {with(map[string]any{"azp": "other"}), webidentity.CodeInvalidIdentityToken, "Incorrect token audience"},
		"no subject":                  {with(map[string]any{"sub": nil}), webidentity.CodeInvalidIdentityToken, "Missing a required claim: sub"},
		"no audience":                 {with(map[string]any{"aud": nil}), webidentity.CodeInvalidIdentityToken, "Missing a required claim: aud"},
		"no expiry":                   {with(map[string]any{"exp": nil}), webidentity.CodeInvalidIdentityToken, "Missing a required claim: exp"},
		"no issuer":                   {with(map[string]any{"iss": nil, "ISS": i.URL}), webidentity.CodeInvalidIdentityToken, "Missing a required claim: iss"},
		"another subject in capitals": {with(map[string]any{"SUB": "admin"}), webidentity.CodeInvalidIdentityToken, `differ in case only: "SUB", "sub"`},
		"two claims alike":            {with(map[string]any{"Role": "a", "role": "b"}), webidentity.CodeInvalidIdentityToken, `differ in case only: "Role", "role"`},
		"empty subject":               {with(map[string]any{"sub": ""}), webidentity.CodeInvalidIdentityToken, "claim sub of the token is malformed"},
		"expiry that is text":         {with(map[string]any{"exp": "4102444800"}), webidentity.CodeInvalidIdentityToken, "claim exp of the token is malformed"},
		"expiry beyond time":          {with(map[string]any{"exp": 1e300}), webidentity.CodeInvalidIdentityToken, "claim exp of the token is malformed"},
		"audience that is none":       {with(map[string]any{"aud": map[string]any{}}), webidentity.CodeInvalidIdentityToken, "claim aud of the token is malformed"},
		"claims that are none":        {sign(t, jose.RS256, rsaKey(), "rsa", nil), webidentity.CodeInvalidIdentityToken, "not a valid JWT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), tt.token, i.provider())
			wantRefusal(t, err, tt.code, tt.message)
		})
	}
	t.Run("control", func(t *testing.T) {
		if _, err := v.Verify(t.Context(), good, i.provider()); err != nil {
			t.Error(err)
		}
	})
	t.Run("no client ids", func(t *testing.T) {
		p := i.provider()
		p.ClientIDs = nil
		_, err := v.Verify(t.Context(), good, p)
		wantRefusal(t, err, webidentity.CodeInvalidIdentityToken, "Incorrect token audience")
	})
}

func wantRefusal(t *testing.T, err error, code webidentity.Code, message string) {
	t.Helper()
	refused, ok := errors.AsType[*webidentity.Error](err)
	if !ok || refused.Code != code || !strings.Contains(refused.Message, message) {
		t.Errorf("got %v, want %s with %q", err, code, message)
	}
}

func TestClocksMayDifferByAMinute(t *testing.T) {
	i := newIssuer(t)
	v := newVerifier(&clock{}, nil)
	for name, changes := range map[string]map[string]any{
		"just expired": {"exp": now.Add(-59 * time.Second).Unix()},
		"just ahead":   {"iat": now.Add(59 * time.Second).Unix(), "nbf": now.Add(59 * time.Second).Unix()},
	} {
		if _, err := v.Verify(t.Context(), sign(t, jose.RS256, rsaKey(), "rsa", i.claims(changes)), i.provider()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIssuerNamesTheProvider(t *testing.T) {
	i := newIssuer(t)
	got, err := webidentity.Issuer(sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil)))
	if err != nil || got != i.URL {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = webidentity.Issuer("x")
	wantRefusal(t, err, webidentity.CodeInvalidIdentityToken, "not a valid JWT")
}

func TestRotatedKeysAreFetchedWithoutWaiting(t *testing.T) {
	i, c := newIssuer(t), &clock{}
	v := newVerifier(c, nil)
	old, fresh := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil)), sign(t, jose.RS256, rsaKey2(), "new", i.claims(nil))
	verify := func(token string) error {
		_, err := v.Verify(t.Context(), token, i.provider())
		return err
	}
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	i.set(map[string]crypto.Signer{"new": rsaKey2()}, false)
	wantRefusal(t, verify(fresh), webidentity.CodeInvalidIdentityToken, "does not publish")
	if got := i.asked.Load(); got != 1 {
		t.Errorf("asked %d times at once, want 1", got)
	}
	c.move(webidentity.AskEvery)
	if err := verify(fresh); err != nil {
		t.Errorf("new key: %v", err)
	}
	c.move(webidentity.AskEvery)
	wantRefusal(t, verify(old), webidentity.CodeInvalidIdentityToken, "does not publish")
}

func TestUnknownKeysDoNotMakeTheServerAskOften(t *testing.T) {
	i, c := newIssuer(t), &clock{}
	v := newVerifier(c, nil)
	forged := sign(t, jose.RS256, rsaKey2(), "forged", i.claims(nil))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := v.Verify(t.Context(), forged, i.provider())
			wantRefusal(t, err, webidentity.CodeInvalidIdentityToken, "does not publish")
		})
	}
	group.Wait()
	if got := i.asked.Load(); got != 1 {
		t.Errorf("asked %d times, want 1", got)
	}
}

func TestKeysOutliveAProviderThatIsDownForADay(t *testing.T) {
	i, c := newIssuer(t), &clock{}
	v := newVerifier(c, nil)
	verify := func() error {
		token := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(map[string]any{"exp": now.Add(1000 * time.Hour).Unix()}))
		_, err := v.Verify(t.Context(), token, i.provider())
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	i.set(map[string]crypto.Signer{"rsa": rsaKey()}, true)
	c.move(webidentity.FreshFor)
	if err := verify(); err != nil {
		t.Errorf("after an hour: %v", err)
	}
	c.move(webidentity.KeptFor - webidentity.FreshFor)
	wantRefusal(t, verify(), webidentity.CodeIDPCommunicationError, "Couldn't retrieve")
	wantRefusal(t, verify(), webidentity.CodeIDPCommunicationError, "Couldn't retrieve") // as remembered
	i.set(map[string]crypto.Signer{"rsa": rsaKey()}, false)
	c.move(webidentity.AskEvery)
	if err := verify(); err != nil {
		t.Errorf("up again: %v", err)
	}
}

func TestProvidersThatAnswerBadly(t *testing.T) {
	redirected := newIssuer(t)
	tests := map[string]func(i *issuer, w http.ResponseWriter, r *http.Request){
		"redirect": func(_ *issuer, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, redirected.URL+r.URL.Path, http.StatusFound)
		},
		"no JSON":          func(_ *issuer, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"endless document": func(_ *issuer, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) },
		"another issuer": func(_ *issuer, w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"https://a.example","jwks_uri":"https://127.0.0.1/"}`))
		},
		"keys over HTTP": func(i *issuer, w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": strings.Replace(i.URL, "https", "http", 1) + "/keys"})
		},
		"keys in a file": func(i *issuer, w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": "file:///etc/passwd"})
		},
		"keys at another host": func(i *issuer, w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": "https://localhost/keys"})
		},
		"keys that are none": func(i *issuer, w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/.well-known/openid-configuration"})
		},
		"address with user name": func(i *issuer, w http.ResponseWriter, _ *http.Request) {
			i.document(w, map[string]any{"issuer": i.URL, "jwks_uri": strings.Replace(i.URL, "https://", "https://u:p@", 1) + "/keys"})
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/.well-known/") {
					answer(i, w, r)
					return
				}
				i.handler.ServeHTTP(w, r)
			})
			_, err := newVerifier(&clock{}, nil).Verify(t.Context(), sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil)), i.provider())
			wantRefusal(t, err, webidentity.CodeIDPCommunicationError, "Couldn't retrieve")
			if i.asked.Load()+redirected.asked.Load() > 0 {
				t.Error("the keys were asked for")
			}
		})
	}
}

func TestOnlySoundKeysVerify(t *testing.T) {
	i := newIssuer(t)
	dir := t.TempDir()
	jwk := func(id string, k any, change map[string]any) map[string]any {
		text, err := json.Marshal(jose.JSONWebKey{Key: k, KeyID: id})
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string]any{}
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		maps.Copy(fields, change)
		return fields
	}
	set, err := json.Marshal(map[string]any{"keys": []any{
		jwk("encryption", rsaKey().Public(), map[string]any{"use": "enc"}),
		jwk("other algorithm", rsaKey().Public(), map[string]any{"alg": "RS512"}),
		jwk("private", rsaKey(), nil),
		map[string]any{"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
		map[string]any{"kty": "unheard-of", "kid": "new"},
		"no object",
		jwk("good", rsaKey().Public(), map[string]any{"alg": "RS256", "use": "sig"}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, webidentity.KeysFile(i.URL)), set, 0o600); err != nil {
		t.Fatal(err)
	}
	v := newVerifier(&clock{}, func(o *webidentity.Options) { o.KeysDir = dir })
	for id, good := range map[string]bool{"encryption": false, "other algorithm": false, "private": false, "secret": false, "new": false, "good": true} {
		_, err := v.Verify(t.Context(), sign(t, jose.RS256, rsaKey(), id, i.claims(nil)), i.provider())
		if (err == nil) != good {
			t.Errorf("key %q: %v", id, err)
		}
	}
}

func TestKeysFromADirectoryNeedNoNetwork(t *testing.T) {
	i := newIssuer(t)
	dir := t.TempDir()
	token := sign(t, jose.RS256, rsaKey(), "rsa", i.claims(nil))
	v := newVerifier(&clock{}, func(o *webidentity.Options) { o.KeysDir = dir })
	i.set(nil, true)
	verify := func() error {
		_, err := v.Verify(t.Context(), token, i.provider())
		return err
	}
	write := func(keys map[string]crypto.Signer) {
		t.Helper()
		i.set(keys, true)
		text, err := json.Marshal(i.keySet())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, webidentity.KeysFile(i.URL)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(map[string]crypto.Signer{"rsa": rsaKey()})
	if err := verify(); err != nil {
		t.Error(err)
	}
	write(map[string]crypto.Signer{"new": rsaKey2()})
	wantRefusal(t, verify(), webidentity.CodeInvalidIdentityToken, "does not publish")
	write(nil)
	wantRefusal(t, verify(), webidentity.CodeIDPCommunicationError, "Couldn't retrieve")
	if got := i.asked.Load(); got != 0 {
		t.Errorf("the provider was asked %d times", got)
	}
}

func TestKeysFileStaysInItsDirectory(t *testing.T) {
	for url, want := range map[string]string{
		"https://gitlab.example.com":          "gitlab.example.com.json",
		"https://gitlab.example.com/":         "gitlab.example.com.json",
		"https://localhost:8443":              "localhost:8443.json",
		"https://oidc.eks.eu/id/AB":           "oidc.eks.eu%2Fid%2FAB.json",
		"https://a/../../etc/passwd":          "a%2F..%2F..%2Fetc%2Fpasswd.json",
		"https://kubernetes.default.svc/a b%": "kubernetes.default.svc%2Fa%20b%25.json",
	} {
		if got := webidentity.KeysFile(url); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	claims := map[string]any{"iss": "https://a.example", "sub": "job", "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	dir := f.TempDir()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: rsaKey().Public(), KeyID: "rsa"}, {Key: ecKey().Public(), KeyID: "ec"}}})
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, webidentity.KeysFile("https://a.example")), text, 0o600); err != nil {
		f.Fatal(err)
	}
	v := newVerifier(&clock{}, func(o *webidentity.Options) { o.KeysDir = dir })
	good := map[string]bool{}
	for _, token := range []string{
		sign(f, jose.RS256, rsaKey(), "rsa", claims), sign(f, jose.ES256, ecKey(), "ec", claims), sign(f, jose.RS256, rsaKey(), "", claims),
	} {
		good[token] = true
		f.Add(token)
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(t.Context(), token, webidentity.Provider{URL: "https://a.example", ClientIDs: []string{clientID}})
		if err == nil {
			// The signed parts must be those of a token that was signed.
			signed := token[:strings.LastIndexByte(token, '.')]
			for g := range good {
				if strings.HasPrefix(g, signed+".") {
					return
				}
			}
			t.Fatalf("accepted %q", token)
		}
		if _, ok := errors.AsType[*webidentity.Error](err); !ok {
			t.Fatalf("got %T: %v", err, err)
		}
	})
}

func TestFewKeysAreTriedWithOneToken(t *testing.T) {
	i := newIssuer(t)
	dir := t.TempDir()
	alike := func(good int) []byte {
		set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 100)}
		for n := range set.Keys {
			set.Keys[n] = jose.JSONWebKey{Key: rsaKey2().Public(), KeyID: "same"}
		}
		set.Keys[good].Key = rsaKey().Public()
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	v := newVerifier(&clock{}, func(o *webidentity.Options) { o.KeysDir = dir })
	for good, want := range map[int]bool{0: true, 7: true, 8: false, 99: false} {
		if err := os.WriteFile(filepath.Join(dir, webidentity.KeysFile(i.URL)), alike(good), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"same", ""} {
			_, err := v.Verify(t.Context(), sign(t, jose.RS256, rsaKey(), id, i.claims(nil)), i.provider())
			if (err == nil) != want {
				t.Errorf("key %d of a hundred, named %q: %v", good, id, err)
			}
		}
	}
}
