package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nifuda/nifuda/internal/authn"
	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/credentials"
	"github.com/nifuda/nifuda/internal/identity"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

const host = "localhost:5050"

// A fixture is a whole server without its listeners, on a loaded database.
type fixture struct {
	tb      testing.TB
	region  string
	load    storetest.Load
	handler http.Handler
	root    credentials.RootKey
	login   string            // value of Authorization for /v2/
	mounts  string            // a repository to mount blobs into
	tokens  map[string]string // of pages deep inside, by operation

	account    string
	identities *identity.Identities
	keyring    authn.Keyring
}

// newFixture starts a server on a load. database is the URL of an empty one, or
// "" for SQLite in a directory of its own.
func newFixture(tb testing.TB, load storetest.Load, database string) *fixture {
	tb.Helper()
	c := config.Default()
	load.Account, load.Region, load.Repository = c.Account, c.Region, "app"
	load.Actor, load.At = "arn:aws:iam::"+c.Account+":root", time.Now().UnixMilli()
	if database == "" {
		database = "sqlite:" + filepath.Join(tb.TempDir(), "nifuda.db")
	}
	if err := load.Into(tb.Context(), database); err != nil {
		tb.Fatal(err)
	}
	f := newUnsealedServer(tb, database)
	f.load = load
	return f
}

// newServer starts a server on a database, with a data directory of its own.
// changes are made to it before it answers.
func newServer(tb testing.TB, database string, changes ...func(*server)) *fixture {
	tb.Helper()
	return startServer(tb, config.Default(), database, changes...)
}

// newUnsealedServer is newServer for a database that was loaded: a load is not
// sealed, and sealing it beside the test would be in the test's way.
func newUnsealedServer(tb testing.TB, database string) *fixture {
	tb.Helper()
	c := config.Default()
	c.Seal = "off"
	return startServer(tb, c, database)
}

func startServer(tb testing.TB, c config.Config, database string, changes ...func(*server)) *fixture {
	tb.Helper()
	c.Data, c.Database = tb.TempDir(), database
	return startServerIn(tb, inData(c), changes...)
}

// inData puts what a server keeps beside its database into its data directory.
func inData(c config.Config) config.Config {
	c.SealKeys = "file:" + filepath.Join(c.Data, "seal-keys")
	c.ServerKey = "file:" + credentials.ServerKeyPath(c.Data)
	c.Blobs = "file:" + filepath.Join(c.Data, "blobs")
	c.Audit = "file:" + filepath.Join(c.Data, "audit", "audit.log")
	return c
}

// newTestServer returns a server that is not open yet.
func newTestServer(c config.Config, getenv func(string) string) *server {
	return &server{
		Options: Options{Config: c, Getenv: getenv, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)},
		metrics: prometheus.NewRegistry(),
	}
}

// testEnvironment has only what tests put there.
func testEnvironment(name string) string {
	if strings.HasPrefix(name, "TEST_") {
		return os.Getenv(name)
	}
	return ""
}

func startServerIn(tb testing.TB, c config.Config, changes ...func(*server)) *fixture {
	tb.Helper()
	s := newTestServer(c, testEnvironment)
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	if err := s.open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for _, change := range changes {
		change(s)
	}
	root, err := s.rootKey(tb.Context(), "http://"+host)
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{tb: tb, region: c.Region, root: root, account: c.Account, identities: s.identities, keyring: s.keyring}
	f.handler = s.handler(root)
	var out struct {
		AuthorizationData []struct{ AuthorizationToken string }
	}
	f.ask(f.api("GetAuthorizationToken", map[string]any{}), http.StatusOK, &out)
	f.login = "Basic " + out.AuthorizationData[0].AuthorizationToken
	return f
}

// send answers a request, and fails the test on another status than the one due.
func (f *fixture) send(r *http.Request, want int) *httptest.ResponseRecorder {
	f.tb.Helper()
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if w.Code != want {
		f.tb.Fatalf("%s %s %s: status %d: %s", r.Method, r.URL, r.Header.Get("X-Amz-Target"), w.Code, w.Body)
	}
	return w
}

// ask is send for an answer in JSON.
func (f *fixture) ask(r *http.Request, want int, answer any) {
	f.tb.Helper()
	w := f.send(r, want)
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		f.tb.Fatal(err)
	}
}

// v2 makes a request to the data plane.
func (f *fixture) v2(method, path string, body []byte) *http.Request {
	r := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(string(body)))
	r.Header.Set("Authorization", f.login)
	return r
}

// api makes a signed call of the ECR API.
func (f *fixture) api(operation string, in any) *http.Request {
	body, err := json.Marshal(in)
	if err != nil {
		f.tb.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://"+host+"/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	f.sign(r, body)
	return r
}

// sign adds Signature Version 4 to a request without a query.
func (f *fixture) sign(r *http.Request, body []byte) {
	const signed = "content-type;host;x-amz-date;x-amz-target"
	at := time.Now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	canonical := r.Method + "\n/\n\ncontent-type:" + r.Header.Get("Content-Type") + "\nhost:" + r.Host + "\nx-amz-date:" + at +
		"\nx-amz-target:" + r.Header.Get("X-Amz-Target") + "\n\n" + signed + "\n" + hexSum(body)
	scope := at[:8] + "/" + f.region + "/ecr/aws4_request"
	key := []byte("AWS4" + f.root.SecretAccessKey)
	for _, text := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hexSum([]byte(canonical))) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+f.root.AccessKeyID+"/"+scope+
		", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// issueToken makes the login token of an access key for the default registry.
func (f *fixture) issueToken(accessKeyID string) string {
	f.tb.Helper()
	token, _, err := authn.NewTokens(f.keyring, time.Now).Issue(authn.Identity{AccessKeyID: accessKeyID}, f.account, f.region)
	if err != nil {
		f.tb.Fatal(err)
	}
	return token
}

// forgiving makes a server slow nobody down: its guard's time flies.
func forgiving(s *server) {
	now := time.Now()
	s.guard = authn.NewGuard(func() time.Time {
		now = now.Add(time.Hour)
		return now
	}, s.Log, prometheus.NewRegistry())
}
