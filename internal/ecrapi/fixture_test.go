package ecrapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/awsjson"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/ecrapi"
	"github.com/nifuda/nifuda/internal/httpx"
	"github.com/nifuda/nifuda/internal/iam"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const (
	account = "123456789012"
	other   = "210987654321"
	region  = "us-east-1"
)

// A fixture is the API over a real registry, behind the real protocol, with one
// caller whose signature is taken for granted.
type fixture struct {
	tb        testing.TB
	handler   http.Handler
	registry  *registry.Registry
	database  *store.Store
	downloads *authn.Downloads
	tokens    *authn.Tokens
	policy    *policy
	keys      *registrytest.Keys
	signature *signature
	log       *slog.Logger
	logged    *bytes.Buffer // what log took
	now       time.Time
	host      string
	tls       bool
	// names are what <name> stands for in requests and responses.
	names map[string]string
}

// A signature is what the caller's signature proves.
type signature struct {
	authn.Identity
	err error
}

// Precheck finds what Verify finds.
func (s *signature) Precheck(ctx context.Context, r *http.Request) error {
	_, err := s.Verify(ctx, r, nil)
	return err
}

// Verify implements [ecrapi.Authenticator].
func (s *signature) Verify(context.Context, *http.Request, []byte) (authn.Identity, error) {
	return s.Identity, s.err
}

// A policy authorizes what a test does not deny, and remembers what it was asked.
type policy struct {
	denied func(iam.Request) bool
	asked  []iam.Request
}

// Authorize implements [iam.Authorizer].
func (p *policy) Authorize(_ context.Context, r iam.Request) error {
	p.asked = append(p.asked, r)
	if p.denied != nil && p.denied(r) {
		return &iam.DeniedError{Request: r, Reason: "because no identity-based policy allows the " + r.Action + " action"}
	}
	return nil
}

// CheckRepositoryPolicy implements [ecrapi.Authorizer].
func (p *policy) CheckRepositoryPolicy(_ context.Context, r iam.Request, policy *iam.Document, force bool) (iam.Pins, error) {
	if !force && policy.Statements[0].Effect == iam.Deny {
		return nil, &iam.DeniedError{Request: r}
	}
	return p.CheckRegistryPolicy(context.Background(), policy)
}

// CheckRegistryPolicy implements [ecrapi.Authorizer].
func (p *policy) CheckRegistryPolicy(_ context.Context, policy *iam.Document) (iam.Pins, error) {
	for _, principal := range policy.Statements[0].Principals {
		if strings.HasSuffix(principal.Value, "/nobody") {
			return nil, &iam.PolicyError{}
		}
	}
	return nil, nil
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	database := storetest.SQLite(tb)
	blobs, err := file.Open(filepath.Join(tb.TempDir(), "blobs"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := blobs.Close(); err != nil {
			tb.Error(err)
		}
	})
	keys, err := authn.NewKeyring(bytes.Repeat([]byte{7}, authn.KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{
		tb: tb, database: database, policy: &policy{}, keys: &registrytest.Keys{}, logged: new(bytes.Buffer), host: "localhost:5050",
		now:       time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC),
		signature: &signature{Identity: authn.Identity{Principal: iam.Root("aws", account), AccessKeyID: "AKIAEXAMPLE", Region: region, Service: "ecr"}},
		names:     map[string]string{},
	}
	clock := func() time.Time { return f.now }
	log := slog.New(slog.NewTextHandler(f.logged, nil))
	f.tokens, f.downloads = authn.NewTokens(keys, clock), authn.NewDownloads(keys, clock)
	f.registry = registry.New(database, blobs, registry.Options{UploadKey: keys.DeriveKey("upload"), Keys: f.keys, Now: clock, Log: log})
	f.log = log
	f.serve(func(*ecrapi.Options) {})
	return f
}

// serve makes the API anew with other options.
func (f *fixture) serve(change func(*ecrapi.Options)) {
	o := ecrapi.Options{
		Registry: f.registry, Authenticator: f.signature, Authorizer: f.policy,
		Tokens: f.tokens, Downloads: f.downloads, DownloadPath: "/layers",
	}
	change(&o)
	f.handler = httpx.NewHandler(awsjson.New(awsjson.Options{Log: f.log}, ecrapi.New(o)), httpx.Options{Log: slog.New(slog.DiscardHandler)})
}

// A step is a call and what it answers: a response, or an error as refused
// makes it.
type step struct{ operation, request, want string }

// run makes the calls one after the other.
func (f *fixture) run(steps ...step) {
	f.tb.Helper()
	for _, s := range steps {
		f.expect(s)
	}
}

func (f *fixture) expect(s step) {
	f.tb.Helper()
	status, body := f.call(s.operation, s.request)
	wantStatus := http.StatusOK
	if strings.Contains(s.want, `"__type"`) {
		wantStatus = http.StatusBadRequest
	}
	if status != wantStatus {
		f.tb.Errorf("%s %s: status %d, want %d: %s", s.operation, s.request, status, wantStatus, body)
		return
	}
	if diff := cmp.Diff(f.decode(f.fill(s.want)), f.decode(body)); diff != "" {
		f.tb.Errorf("%s %s (-want +got):\n%s", s.operation, s.request, diff)
	}
}

// call sends a request and returns its status and body.
func (f *fixture) call(operation, request string) (status int, body string) {
	f.tb.Helper()
	r := httptest.NewRequestWithContext(f.tb.Context(), http.MethodPost, "/", strings.NewReader(f.fill(request)))
	r.Host = f.host
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	if f.tls {
		r.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// ok makes a call that must succeed and reads its response into out, if there is one.
func (f *fixture) ok(operation, request string, out any) {
	f.tb.Helper()
	status, body := f.call(operation, request)
	if status != http.StatusOK {
		f.tb.Fatalf("%s %s: status %d: %s", operation, request, status, body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(body), out); err != nil {
		f.tb.Fatalf("%s: %v in %s", operation, err, body)
	}
}

func (f *fixture) decode(text string) (v any) {
	f.tb.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		f.tb.Fatalf("%v in %s", err, text)
	}
	return v
}

// fill puts the values of names in their places.
func (f *fixture) fill(text string) string {
	for name, value := range f.names {
		text = strings.ReplaceAll(text, "<"+name+">", value)
	}
	return text
}

// refused is the error of a call, without members of its own.
func refused(code, message string) string {
	return object("__type", code, "message", message)
}

// invalid is the error for a parameter (spec A.4).
func invalid(parameter, constraint string) string {
	return refused("InvalidParameterException", "Invalid parameter at '"+parameter+"' failed to satisfy constraint: '"+constraint+"'")
}

// object is a JSON object of strings, given as names and values in turn.
func object(members ...string) string {
	o := map[string]string{}
	for pair := range slices.Chunk(members, 2) {
		o[pair[0]] = pair[1]
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // <name> stays what it is
	if err := encoder.Encode(o); err != nil {
		panic(err) // strings have JSON
	}
	return text.String()
}

const noRepository = "The repository with name 'none' does not exist in the registry with id '123456789012'"

// in returns the fixture for a subtest.
func (f *fixture) in(tb testing.TB) *fixture {
	sub := *f
	sub.tb = tb
	return &sub
}

// as changes who calls until the test ends.
func (f *fixture) as(account, region string) {
	before := f.signature.Identity
	f.tb.Cleanup(func() { f.signature.Identity = before })
	f.signature.Principal, f.signature.Region = iam.Root("aws", account), region
}

func (f *fixture) create(names ...string) {
	f.tb.Helper()
	for _, name := range names {
		f.ok("CreateRepository", object("repositoryName", name), nil)
	}
}

// layer puts bytes into a repository.
func (f *fixture) layer(repository, content string) (dgst string) {
	f.tb.Helper()
	dgst = digest.FromString(content).String()
	_, err := f.registry.PutBlob(f.tb.Context(), named(repository), registry.Completion{
		Part: registry.Part{Length: int64(len(content)), Body: strings.NewReader(content)}, Digests: []string{dgst},
	})
	if err != nil {
		f.tb.Fatal(err)
	}
	return dgst
}

func named(repository string) registry.RepositoryName {
	return registry.RepositoryName{Registry: registry.ID{Account: account, Region: region}, Name: repository}
}

const (
	imageType  = "application/vnd.oci.image.manifest.v1+json"
	indexType  = "application/vnd.oci.image.index.v1+json"
	configType = "application/vnd.oci.image.config.v1+json"
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// name makes <id> the digest of a manifest and <id.text> its JSON string.
func (f *fixture) name(id string, document any) {
	f.tb.Helper()
	payload, err := json.Marshal(document)
	if err != nil {
		f.tb.Fatal(err)
	}
	text, err := json.Marshal(string(payload))
	if err != nil {
		f.tb.Fatal(err)
	}
	f.names[id], f.names[id+".text"] = digest.FromBytes(payload).String(), string(text)
}

// manifest is an image with a config of 2 bytes and a layer that holds content.
func manifest(content string) map[string]any {
	return map[string]any{
		"schemaVersion": 2, "mediaType": imageType,
		"config": descriptor(configType, "{}"),
		"layers": []any{descriptor(layerType, content)},
	}
}

func descriptor(mediaType, content string) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest.FromString(content).String(), "size": len(content)}
}

// image names an image as name does and puts what it refers to into the repository.
func (f *fixture) image(repository, id string) {
	f.tb.Helper()
	f.layer(repository, "{}")
	f.names[id+".layer"] = f.layer(repository, "layer of "+id)
	f.name(id, manifest("layer of "+id))
}

// push puts an image with tags, or without any.
func (f *fixture) push(repository, id string, tags ...string) {
	f.tb.Helper()
	f.image(repository, id)
	if len(tags) == 0 {
		f.ok("PutImage", `{"repositoryName":"`+repository+`","imageManifest":<`+id+`.text>}`, nil)
	}
	for _, tag := range tags {
		f.ok("PutImage", `{"repositoryName":"`+repository+`","imageTag":"`+tag+`","imageManifest":<`+id+`.text>}`, nil)
	}
}
