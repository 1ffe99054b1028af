package ecrapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
)

func TestGetAuthorizationToken(t *testing.T) {
	f := newFixture(t)
	var got struct {
		AuthorizationData []struct {
			AuthorizationToken string
			ExpiresAt          float64
			ProxyEndpoint      string
		}
	}
	f.ok("GetAuthorizationToken", `{"registryIds":["210987654321","123456789012"]}`, &got)
	for i, want := range []string{other, account} {
		token := f.login(got.AuthorizationData[i].AuthorizationToken)
		if token.Account != want || token.Region != region || token.Principal.Account != account || token.AccessKeyID != "AKIAEXAMPLE" {
			t.Errorf("element %d is for %+v", i, token)
		}
	}
	f.ok("GetAuthorizationToken", `{}`, &got)
	if len(got.AuthorizationData) != 1 {
		t.Fatalf("%d elements, want the caller's own", len(got.AuthorizationData))
	}
	own := got.AuthorizationData[0]
	if own.ExpiresAt != float64(f.now.Add(12*time.Hour).Unix()) || own.ProxyEndpoint != "http://localhost:5050" {
		t.Errorf("got %+v", own)
	}
	if token := f.login(own.AuthorizationToken); token.Account != account {
		t.Errorf("the caller's own token is for %s", token.Account)
	}
	f.run(
		step{"GetAuthorizationToken", `{"registryIds":["1"]}`, invalid("registryIds", "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]")},
		step{"GetAuthorizationToken", `{"registryIds":[]}`, invalid("registryIds", "Member must have length greater than or equal to 1")},
	)
}

// login opens a login token.
func (f *fixture) login(token string) authn.Login {
	f.tb.Helper()
	r, err := http.NewRequestWithContext(f.tb.Context(), http.MethodGet, "/v2/", http.NoBody)
	if err != nil {
		f.tb.Fatal(err)
	}
	r.Header.Set("Authorization", "Basic "+token)
	keys := authn.StaticKeys{"AKIAEXAMPLE": {Secret: "secret", Principal: f.signature.Principal}}
	opened, err := authn.NewLogins(f.tokens, keys).Login(r)
	if err != nil {
		f.tb.Fatal(err)
	}
	plain, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		f.tb.Fatal(err)
	}
	if _, password, _ := strings.Cut(string(plain), ":"); password == "" || strings.ContainsAny(password, ": \t\n") {
		f.tb.Errorf("clients cannot split %q", plain)
	}
	return opened
}
