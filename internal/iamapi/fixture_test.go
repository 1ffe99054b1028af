package iamapi_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsquery"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/iamapi"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
	"github.com/nifuda/nifuda/internal/webidentity"
)

const (
	account = "123456789012"
	root    = "root" // signs as the account's root
)

// A fixture is both services over a database.
type fixture struct {
	t          *testing.T
	identities *identity.Identities
	handler    http.Handler
}

// each runs a test on an empty database of each kind.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newFixture(t, s)) })
}

func newFixture(t *testing.T, s *store.Store) *fixture {
	t.Helper()
	identities, err := identity.New(t.Context(), s, identity.Options{
		SealingKey: bytes.Repeat([]byte{1}, 32), SessionTokenKey: []byte("session tokens"), DefaultAccount: account,
		Tokens: webidentity.New(webidentity.Options{Hosts: []string{"127.0.0.1"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	callers := callers{identities}
	api := iamapi.New(iamapi.Options{Authenticator: authenticator{identities}, Authorizer: access.New(callers, nil, nil), Identities: identities})
	log := slog.New(slog.DiscardHandler)
	query := awsquery.New(awsquery.Options{Log: log, RequestID: func(*http.Request) string { return "request" }, Precheck: api.Precheck}, api.Services()...)
	return &fixture{t: t, identities: identities, handler: httpx.NewHandler(query, httpx.Options{Log: log})}
}

type callers struct{ *identity.Identities }

func (c callers) Caller(ctx context.Context, p iam.Principal) (*iam.Caller, error) {
	caller, err := c.Identities.Caller(ctx, p)
	if errors.Is(err, identity.ErrUnknownPrincipal) {
		return nil, access.ErrUnknownCaller
	}
	return caller, err
}

// An authenticator believes an access key id in a header: what a signature
// proves is tested elsewhere.
type authenticator struct{ identities *identity.Identities }

func (authenticator) Precheck(context.Context, *http.Request) error { return nil }

func (a authenticator) Verify(ctx context.Context, r *http.Request, _ []byte) (authn.Identity, error) {
	id := r.Header.Get("X-Key")
	service := "iam"
	if strings.Contains(r.Header.Get("X-Version"), "2011") {
		service = "sts"
	}
	if id == root {
		return authn.Identity{Principal: iam.Root("aws", account), Region: "us-east-1", Service: service}, nil
	}
	key, err := a.identities.AccessKey(ctx, id)
	if err != nil {
		return authn.Identity{}, &authn.Error{Code: authn.CodeUnrecognizedClient, Message: "The security token included in the request is invalid.", Status: 403}
	}
	return authn.Identity{Principal: key.Principal, AccessKeyID: id, Region: "us-east-1", Service: service}, nil
}

// An answer is what a call came back with.
type answer struct {
	status  int
	code    string // of an error
	message string
	body    string
}

// call makes a call with a key. The parameters are names and values in turn.
func (f *fixture) call(key, action string, parameters ...string) answer {
	f.t.Helper()
	version := "2010-05-08"
	if slices.Contains([]string{"GetCallerIdentity", "GetSessionToken", "AssumeRole", "AssumeRoleWithWebIdentity", "GetAccessKeyInfo"}, action) {
		version = "2011-06-15"
	}
	form := url.Values{"Action": {action}, "Version": {version}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Key", key)
	r.Header.Set("X-Version", version)
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, body: w.Body.String()}
	if a.status != http.StatusOK {
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := xml.Unmarshal(w.Body.Bytes(), &e); err != nil {
			f.t.Fatalf("%s: %v in %s", action, err, w.Body)
		}
		a.code, a.message = e.Error.Code, e.Error.Message
	}
	return a
}

// ok is call for one that must succeed; it returns the body.
func (f *fixture) ok(key, action string, parameters ...string) string {
	f.t.Helper()
	a := f.call(key, action, parameters...)
	if a.status != http.StatusOK {
		f.t.Fatalf("%s: %d %s: %s", action, a.status, a.code, a.message)
	}
	return a.body
}

// refused checks that a call is refused with a code, and a text unless it is empty.
func (f *fixture) refused(a answer, code, message string) {
	f.t.Helper()
	if a.code != code || message != "" && a.message != message {
		f.t.Errorf("got %d %s: %s\nwant %s: %s", a.status, a.code, a.message, code, message)
	}
}

// element returns the text of the first element of a name.
func element(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// newUser makes a user with an access key, and returns the key's id.
func (f *fixture) newUser(name string) (key string) {
	f.t.Helper()
	f.ok(root, "CreateUser", "UserName", name)
	return element(f.ok(root, "CreateAccessKey", "UserName", name), "AccessKeyId")
}

func allow(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
}
