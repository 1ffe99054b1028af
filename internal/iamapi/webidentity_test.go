package iamapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/nifuda/nifuda/internal/identity"
)

var issuerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// An issuer is an OpenID Connect provider on this machine, with a certificate
// that it has signed itself.
type issuer struct {
	*httptest.Server
	name       string // the URL without https://
	thumbprint string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	documents := map[string]func() any{
		"/.well-known/openid-configuration": func() any { return map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"} },
		"/keys": func() any {
			return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: issuerKey().Public(), KeyID: "k", Use: "sig"}}}
		},
	}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, ok := documents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(document())
	}))
	t.Cleanup(i.Close)
	i.name = strings.TrimPrefix(i.URL, "https://")
	sum := sha1.Sum(i.Certificate().Raw)
	i.thumbprint = hex.EncodeToString(sum[:])
	return i
}

func (i *issuer) arn() string { return "arn:aws:iam::" + account + ":oidc-provider/" + i.name }

// token signs claims beside those that every token has.
func (i *issuer) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": i.URL, "aud": "sts.amazonaws.com", "iat": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix()}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: issuerKey(), KeyID: "k"}}, nil)
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

func (f *fixture) trustIssuer(i *issuer) {
	f.t.Helper()
	f.ok(root, "CreateOpenIDConnectProvider", "Url", i.URL, "ClientIDList.member.1", "sts.amazonaws.com", "ThumbprintList.member.1", i.thumbprint)
}

func (i *issuer) trust(operator, claim, value string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"` + i.arn() + `"},
		"Condition":{"ForAnyValue:StringEquals":{"` + i.name + `:aud":"sts.amazonaws.com"},"` + operator + `":{"` + i.name + `:` + claim + `":"` + value + `"}}}]}`
}

func withToken(token string, parameters ...string) []string {
	return assume(append([]string{"WebIdentityToken", token}, parameters...)...)
}

const notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

func TestTokensOfProvidersBecomeSessions(t *testing.T) {
	for name, tt := range map[string]struct {
		claims                 map[string]any
		operator, claim, value string
		others                 map[string]any // claims that the role does not trust
	}{
		"GitHub Actions": {
			map[string]any{"sub": "repo:octo-org/app:ref:refs/heads/main", "repository": "octo-org/app", "ref": "refs/heads/main"},
			"StringLike", "sub", "repo:octo-org/app:*",
			map[string]any{"sub": "repo:octo-org/other:ref:refs/heads/main"},
		},
		"GitHub environment": {
			map[string]any{"sub": "repo:octo-org/app:environment:prod", "environment": "prod"},
			"StringEquals", "environment", "prod",
			map[string]any{"sub": "repo:octo-org/app:environment:test", "environment": "test"},
		},
		"GitLab": {
			map[string]any{"sub": "project_path:group/app:ref_type:branch:ref:main", "project_path": "group/app", "ref_protected": "true"},
			"StringEquals", "ref_protected", "true",
			map[string]any{"sub": "project_path:group/app:ref_type:branch:ref:x", "ref_protected": "false"},
		},
		"Kubernetes": {
			map[string]any{"sub": "system:serviceaccount:ci:builder", "aud": []string{"sts.amazonaws.com"}, "kubernetes.io": map[string]any{"namespace": "ci"}},
			"StringEquals", "sub", "system:serviceaccount:ci:builder",
			map[string]any{"sub": "system:serviceaccount:default:builder"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, f *fixture) {
				i := newIssuer(t)
				f.trustIssuer(i)
				f.newRole(i.trust(tt.operator, tt.claim, tt.value))
				body := f.ok("nobody", "AssumeRoleWithWebIdentity", withToken(i.token(t, tt.claims))...)
				for name, want := range map[string]string{
					"SubjectFromWebIdentityToken": tt.claims["sub"].(string), "Audience": "sts.amazonaws.com", "Provider": i.URL,
					"Arn": "arn:aws:sts::123456789012:assumed-role/deploy/build-1",
				} {
					if got := element(body, name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				key := element(body, "AccessKeyId")
				if got := element(f.ok(key, "GetCallerIdentity"), "Arn"); got != "arn:aws:sts::123456789012:assumed-role/deploy/build-1" {
					t.Errorf("the session is %s", got)
				}
				f.refused(f.call("nobody", "AssumeRoleWithWebIdentity", withToken(i.token(t, tt.others))...), "AccessDenied", notAuthorized)
				f.ok(root, "DeleteRole", "RoleName", "deploy")
				f.refused(f.call(key, "GetCallerIdentity"), "InvalidClientTokenId", "")
			})
		})
	}
}

func TestRefusedTokensBecomeNoSessions(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		i, stranger := newIssuer(t), newIssuer(t)
		good := map[string]any{"sub": "job-1"}
		call := func(token string, parameters ...string) answer {
			return f.call("nobody", "AssumeRoleWithWebIdentity", withToken(token, parameters...)...)
		}
		f.refused(call(i.token(t, good)), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+i.URL)
		f.trustIssuer(i)
		f.refused(call(i.token(t, good)), "AccessDenied", notAuthorized) // there is no such role
		f.newRole(i.trust("StringEquals", "sub", "job-1"))
		f.ok("nobody", "AssumeRoleWithWebIdentity", withToken(i.token(t, good))...)

		f.refused(call(stranger.token(t, good)), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+stranger.URL)
		f.refused(call("no token"), "InvalidIdentityToken", "")
		f.refused(call(i.token(t, map[string]any{"sub": "job-1", "exp": 1000})), "ExpiredTokenException", "")
		f.refused(call(i.token(t, map[string]any{"sub": "job-1", "aud": "other"})), "InvalidIdentityToken", "Incorrect token audience")
		f.refused(call(i.token(t, map[string]any{"sub": "job-1", "iat": time.Now().Add(time.Hour).Unix()})), "IDPRejectedClaim", "")
		f.refused(call(i.token(t, good), "DurationSeconds", "7200"), "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")

		// A session policy narrows, and what is taken from the role is taken from
		// its sessions.
		f.ok(root, "AttachRolePolicy", "RoleName", "deploy", "PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
		session := element(f.ok("nobody", "AssumeRoleWithWebIdentity", withToken(i.token(t, good), "Policy", allow("iam:GetRole", "*"))...), "AccessKeyId")
		f.ok(session, "GetRole", "RoleName", "deploy")
		f.refused(f.call(session, "ListUsers"), "AccessDenied", "")
		f.ok(root, "DetachRolePolicy", "RoleName", "deploy", "PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
		f.refused(f.call(session, "GetRole", "RoleName", "deploy"), "AccessDenied", "")

		f.ok(root, "RemoveClientIDFromOpenIDConnectProvider", "OpenIDConnectProviderArn", i.arn(), "ClientID", "sts.amazonaws.com")
		f.refused(call(i.token(t, good)), "InvalidIdentityToken", "Incorrect token audience")
		f.ok(root, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", i.arn(), "ClientID", "sts.amazonaws.com")
		f.ok(root, "UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn", i.arn(), "ThumbprintList.member.1", strings.Repeat("0", 40))
		f.refused(call(i.token(t, good)), "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
		f.ok(root, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", i.arn())
		f.refused(call(i.token(t, good)), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+i.URL)
	})
}

func TestProvidersAreKept(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com/group"
		create := []string{"Url", "https://gitlab.example.com/group/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ci"}
		if got := element(f.ok(root, "CreateOpenIDConnectProvider", create...), "OpenIDConnectProviderArn"); got != arn {
			t.Errorf("the ARN is %s", got)
		}
		f.refused(f.call(root, "CreateOpenIDConnectProvider", create...), "EntityAlreadyExists", "Provider with url https://gitlab.example.com/group already exists.")
		for _, url := range []string{"http://gitlab.example.com", "gitlab.example.com", "https://", "https://a.example?x", "https://u:p@a.example", "https://a.example/#x", "https://aws"} {
			f.refused(f.call(root, "CreateOpenIDConnectProvider", "Url", url), "ValidationError", "")
		}
		f.ok(root, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "a")
		f.ok(root, "AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "a")
		body := f.ok(root, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn)
		if got := element(body, "Url"); got != "gitlab.example.com/group" {
			t.Errorf("the URL is %s", got)
		}
		if n := strings.Count(body, "<member>a</member>"); n != 1 {
			t.Errorf("the client id is there %d times", n)
		}
		if got := element(f.ok(root, "ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn", arn), "Value"); got != "ci" {
			t.Errorf("the tag is %q", got)
		}
		f.ok(root, "UntagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "TagKeys.member.1", "team")
		f.ok(root, "TagOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "Tags.member.1.Key", "x", "Tags.member.1.Value", "y")
		if got := element(f.ok(root, "ListOpenIDConnectProviders"), "Arn"); got != arn {
			t.Errorf("the list has %s", got)
		}
		f.refused(f.call(root, "UpdateOpenIDConnectProviderThumbprint", append([]string{"OpenIDConnectProviderArn", arn}, members("ThumbprintList", 6, func(n int) string {
			return strings.Repeat(string(rune('0'+n)), 40)
		})...)...), "InvalidInput", "")
		f.refused(f.call(root, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn+"x"), "NoSuchEntity", "OpenIDConnect Provider not found for arn "+arn+"x")
		f.refused(f.call(f.newUser("alice"), "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn), "AccessDenied", "")
		f.ok(root, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", arn)
		f.ok(root, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", arn)
	})
}

// members are the parameters of a list.
func members(list string, n int, value func(n int) string) []string {
	var parameters []string
	for i := range n {
		parameters = append(parameters, list+".member."+string(rune('1'+i)), value(i))
	}
	return parameters
}

// A provider whose name reads like a service's prefix could say who calls.
func TestClaimsAreNoKeysOfAWS(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, host := range []string{"aws", "ecr", "iam", "sts", "nifuda", "AWS"} {
			if _, err := f.identities.CreateOIDCProvider(t.Context(), identity.NewOIDCProvider{Account: account, URL: "https://" + host}); !identity.IsRefusal(err, identity.CodeValidationError) {
				t.Errorf("%s: got %v", host, err)
			}
		}
	})
}
