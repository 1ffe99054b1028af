package ociapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/ociapi"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
	"github.com/nifuda/nifuda/internal/store"
)

var home = registry.ID{Account: "123456789012", Region: "us-east-1"}

const (
	imageType  = "application/vnd.oci.image.manifest.v1+json"
	indexType  = "application/vnd.oci.image.index.v1+json"
	configType = "application/vnd.oci.image.config.v1+json"
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// A fixture is a data plane over a real registry, with one caller who is
// signed in.
type fixture struct {
	tb         testing.TB
	handler    http.Handler
	registry   *registry.Registry
	tokens     *authn.Tokens
	keys       authn.StaticKeys
	downloads  *authn.Downloads
	authorizer *policy
	kms        *registrytest.Keys
	database   *store.Store
	now        time.Time
	login      string // the caller's Authorization header
}

// A policy authorizes what a test does not deny.
type policy struct {
	denied map[string]bool // action and resource with a space between
	asked  []iam.Request
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	database, err := store.Open(tb.Context(), "sqlite:"+filepath.Join(tb.TempDir(), "nifuda.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { database.Close() })
	return newFixtureOn(tb, database)
}

func newFixtureOn(tb testing.TB, database *store.Store) *fixture {
	tb.Helper()
	blobs, err := file.Open(filepath.Join(tb.TempDir(), "blobs"))
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := authn.NewKeyring(bytes.Repeat([]byte{7}, authn.KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{tb: tb, database: database, now: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), authorizer: &policy{denied: map[string]bool{}}, kms: &registrytest.Keys{}}
	clock := func() time.Time { return f.now }
	f.tokens = authn.NewTokens(keys, clock)
	f.keys = authn.StaticKeys{}
	f.downloads = authn.NewDownloads(keys, clock)
	f.registry = registry.New(database, blobs, registry.Options{UploadKey: keys.DeriveKey("upload"), Keys: f.kms, Now: clock, Log: slog.New(slog.DiscardHandler)})
	f.login = f.loginFor(home.Account, home.Region)
	f.rebuild(f.authorizer)
	return f
}

// rebuild makes the handler anew, with another authorizer.
func (f *fixture) rebuild(authorizer iam.Authorizer) {
	f.handler = ociapi.New(ociapi.Options{
		Registry:      f.registry,
		Authenticator: authn.NewLogins(f.tokens, f.keys),
		Tokens:        f.tokens,
		Now:           func() time.Time { return f.now },
		Authorizer:    authorizer,
		Downloads:     f.downloads,
		Default:       home,
		Log:           slog.New(slog.DiscardHandler),
	})
}

// Authorize implements [iam.Authorizer].
func (p *policy) Authorize(_ context.Context, r iam.Request) error {
	p.asked = append(p.asked, r)
	if p.denied[r.Action+" "+r.Resource] {
		return &iam.DeniedError{Request: r, Reason: "because no identity-based policy allows the " + r.Action + " action"}
	}
	return nil
}

func (f *fixture) loginFor(account, region string) string {
	f.tb.Helper()
	who := authn.Identity{Principal: iam.Root("aws", account), AccessKeyID: "AKIAEXAMPLE" + account}
	f.keys[who.AccessKeyID] = authn.AccessKey{Secret: "secret of " + account, Principal: who.Principal}
	token, _, err := f.tokens.Issue(who, account, region)
	if err != nil {
		f.tb.Fatal(err)
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("AWS:"+token))
}

// in returns the fixture for a subtest.
func (f *fixture) in(tb testing.TB) *fixture {
	sub := *f
	sub.tb = tb
	return &sub
}

// create makes repositories in the caller's registry.
func (f *fixture) create(names ...string) {
	f.tb.Helper()
	for _, name := range names {
		f.createIn(home, name, registry.TagMutability{})
	}
}

func (f *fixture) createIn(id registry.ID, name string, mutability registry.TagMutability) {
	f.tb.Helper()
	_, err := f.registry.CreateRepository(f.tb.Context(), registry.NewRepository{
		RepositoryName: registry.RepositoryName{Registry: id, Name: name}, Mutability: mutability,
	})
	if err != nil {
		f.tb.Fatal(err)
	}
}

// An answer is what a request got.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// send makes a request in the caller's name. headers are names and values in
// turn; an Authorization among them replaces the caller's.
func (f *fixture) send(method, target, body string, headers ...string) answer {
	f.tb.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Authorization", f.login)
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			request.Host = headers[i+1]
		case "Transfer-Encoding":
			request.ContentLength = -1
		default:
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	return f.serve(request)
}

func (f *fixture) serve(request *http.Request) answer {
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// want fails the test unless an answer has a status.
func (f *fixture) want(status int, got answer) answer {
	f.tb.Helper()
	if got.Status != status {
		f.tb.Fatalf("status %d, want %d; body %q", got.Status, status, got.Body)
	}
	return got
}

// An apiError is one entry of the specification's error document.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// wantError fails the test unless an answer is one error of the protocol.
func (f *fixture) wantError(status int, code string, got answer) apiError {
	f.tb.Helper()
	f.want(status, got)
	var document struct{ Errors []apiError }
	if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
		f.tb.Fatalf("body %q: %v", got.Body, err)
	}
	if len(document.Errors) != 1 || document.Errors[0].Code != code {
		f.tb.Fatalf("errors %+v, want one %s", document.Errors, code)
	}
	if document.Errors[0].Message == "" {
		f.tb.Errorf("%s without a message", code)
	}
	if got := got.Header.Get("Content-Type"); got != "application/json" {
		f.tb.Errorf("Content-Type %q, want application/json", got)
	}
	return document.Errors[0]
}

// startUpload opens an upload and returns its address.
func (f *fixture) startUpload(repository string) string {
	f.tb.Helper()
	return f.want(http.StatusAccepted, f.send("POST", "/v2/"+repository+"/blobs/uploads/", "")).Header.Get("Location")
}

// pushBlob uploads a blob and returns its digest.
func (f *fixture) pushBlob(repository, content string) string {
	f.tb.Helper()
	digest := sha256Of(content)
	f.want(http.StatusCreated, f.send("POST", "/v2/"+repository+"/blobs/uploads/?digest="+digest, content))
	return digest
}

// pushManifest puts a manifest and returns its digest.
func (f *fixture) pushManifest(repository, reference, mediaType string, manifest any) string {
	f.tb.Helper()
	payload := encode(f.tb, manifest)
	got := f.want(http.StatusCreated, f.send("PUT", "/v2/"+repository+"/manifests/"+reference, payload, "Content-Type", mediaType))
	return got.Header.Get("Docker-Content-Digest")
}

// pushImage pushes an image of one layer and returns its manifest's digest. The
// layer makes images of different names different.
func (f *fixture) pushImage(repository, reference, layer string) string {
	f.tb.Helper()
	return f.pushManifest(repository, reference, imageType, f.image(repository, layer))
}

// image uploads the blobs of an image and returns its manifest.
func (f *fixture) image(repository, layer string) map[string]any {
	f.tb.Helper()
	f.pushBlob(repository, "{}")
	f.pushBlob(repository, layer)
	return map[string]any{
		"schemaVersion": 2,
		"mediaType":     imageType,
		"config":        describe(configType, "{}"),
		"layers":        []any{describe(layerType, layer)},
	}
}

func describe(mediaType, content string) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": sha256Of(content), "size": len(content)}
}

func encode(tb testing.TB, document any) string {
	tb.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func decode[T any](tb testing.TB, got answer) T {
	tb.Helper()
	var document T
	if err := json.Unmarshal([]byte(got.Body), &document); err != nil {
		tb.Fatalf("body %q: %v", got.Body, err)
	}
	return document
}

func sha256Of(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sha512Of(content string) string {
	sum := sha512.Sum512([]byte(content))
	return "sha512:" + hex.EncodeToString(sum[:])
}

// withQuery adds a query to an address that may have one.
func withQuery(address, query string) string {
	if strings.Contains(address, "?") {
		return address + "&" + query
	}
	return address + "?" + query
}

func TestPingAnswersWhoIsSignedIn(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v2/", "/v2"} {
		got := f.want(http.StatusOK, f.send("GET", path, ""))
		if got.Body != "{}" || got.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("GET %s: body %q, headers %v", path, got.Body, got.Header)
		}
	}
}
