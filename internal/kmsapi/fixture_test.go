package kmsapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/access"
	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/kmsapi"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	account = "123456789012"
	foreign = "210987654321"
	root    = "root" // signs as the account's root
)

// A fixture is the service over a database, on a clock that stands still.
type fixture struct {
	t          *testing.T
	identities *identity.Identities
	keys       *kms.Service
	handler    http.Handler
	now        atomic.Int64
}

// each runs a test on an empty database of each kind.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newFixture(t, s)) })
}

func newFixture(t *testing.T, s *store.Store) *fixture {
	t.Helper()
	f := &fixture{t: t}
	f.now.Store(time.Date(2026, 11, 25, 12, 0, 0, 250e6, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, f.now.Load()) }
	var err error
	f.identities, err = identity.New(t.Context(), s, identity.Options{
		SealingKey: bytes.Repeat([]byte{1}, 32), SessionTokenKey: []byte("session tokens"), DefaultAccount: account,
	})
	f.check(err)
	wrapper, err := kms.LocalWrapper(bytes.Repeat([]byte{2}, 32))
	f.check(err)
	people := callers{f.identities}
	f.keys = kms.New(s, kms.Options{Wrapper: wrapper, Now: clock, RoleOf: func(ctx context.Context, p iam.Principal) (string, error) {
		caller, err := people.Caller(ctx, p)
		if err != nil {
			return "", err
		}
		return caller.Role, nil
	}})
	api := kmsapi.New(kmsapi.Options{
		Keys: f.keys, Authenticator: authenticator{f.identities}, Authorizer: access.New(people, f.keys, f.identities), Principals: f.identities, Now: clock,
	})
	log := slog.New(slog.DiscardHandler)
	f.handler = httpx.NewHandler(awsjson.New(awsjson.Options{Log: log}, api), httpx.Options{Log: log})
	return f
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
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
	if id == root {
		return authn.Identity{Principal: iam.Root("aws", account), Region: "us-east-1", Service: "kms"}, nil
	}
	key, err := a.identities.AccessKey(ctx, id)
	if err != nil {
		return authn.Identity{}, &authn.Error{Code: authn.CodeUnrecognizedClient, Message: "The security token included in the request is invalid.", Status: 400}
	}
	return authn.Identity{Principal: key.Principal, AccessKeyID: id, Region: "us-east-1", Service: "kms"}, nil
}

// user makes a user of the account with an identity policy, or without, and
// returns its access key id.
func (f *fixture) user(name, policy string) string {
	f.t.Helper()
	ctx := f.t.Context()
	_, err := f.identities.CreateUser(ctx, identity.NewUser{Account: account, Name: name})
	f.check(err)
	if policy != "" {
		f.check(f.identities.PutInlinePolicy(ctx, account, identity.User, name, "p", policy))
	}
	key, err := f.identities.CreateAccessKey(ctx, account, name)
	f.check(err)
	return key.AccessKeyID
}

type object = map[string]any

// send makes a call with a key and a body as it is.
func (f *fixture) send(key, operation, body string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	r.Header.Set("X-Key", key)
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// call makes a call and returns the answer, and the code of an error.
func (f *fixture) call(key, operation string, in object) (out object, code string) {
	f.t.Helper()
	body, err := json.Marshal(in)
	f.check(err)
	w := f.send(key, operation, string(body))
	if w.Body.Len() > 0 {
		f.check(json.Unmarshal(w.Body.Bytes(), &out))
	}
	code, _ = out["__type"].(string)
	return out, code
}

// ok is call for what must succeed.
func (f *fixture) ok(key, operation string, in object) object {
	f.t.Helper()
	out, code := f.call(key, operation, in)
	if code != "" {
		f.t.Fatalf("%s: %v", operation, out)
	}
	return out
}

// refused is call for what must be refused.
func (f *fixture) refused(key, operation string, in object, want string) {
	f.t.Helper()
	if out, code := f.call(key, operation, in); code != want {
		f.t.Errorf("%s: got %v, want %s", operation, out, want)
	}
}

// newKey makes a key and returns its id.
func (f *fixture) newKey() string {
	f.t.Helper()
	return f.ok(root, "CreateKey", object{})["KeyMetadata"].(object)["KeyId"].(string)
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	hashes = regexp.MustCompile(`[0-9a-f]{64}`)
	blobs  = regexp.MustCompile(`("CiphertextBlob"|"GrantToken"|"Plaintext"|"NextMarker"):"[^"]*"`)
)

// masked is a text without what is different each time.
func masked(text string) string {
	text = uuids.ReplaceAllString(text, "KEY")
	text = hashes.ReplaceAllString(text, "HASH")
	return blobs.ReplaceAllString(text, `$1:"…"`)
}
