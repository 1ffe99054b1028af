package verify_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
	"github.com/nifuda/nifuda/internal/verify"
)

var (
	home = registry.ID{Account: "123456789012", Region: "us-east-1"}
	app  = registry.RepositoryName{Registry: home, Name: "app"}
)

const (
	actor  = "arn:aws:iam::123456789012:root"
	appARN = "arn:aws:ecr:us-east-1:123456789012:repository/app"
)

// A clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A fixture is a registry with a repository "app", and a way to change its
// database and its files behind its back.
type fixture struct {
	*registry.Registry
	store *store.Store
	blobs *file.Store
	dir   string // of the blobs
	raw   *sql.DB
	clock *clock
	log   *bytes.Buffer
	keys  verify.Keys // nil seals nothing
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newFixture(t, "sqlite:"+filepath.Join(t.TempDir(), "nifuda.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, newFixture(t, storetest.PostgresURL(t))) })
}

func newFixture(t *testing.T, url string) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), clock: &clock{at: time.Now()}, log: new(bytes.Buffer)}
	var err error
	if f.store, err = store.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if f.blobs, err = file.Open(f.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.blobs.Close() })
	driver, source, before := "pgx", url, "SET session_replication_role = replica"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source, before = "sqlite", path, "PRAGMA busy_timeout = 10000"
	}
	if f.raw, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.raw.Close() })
	f.raw.SetMaxOpenConns(1)
	f.change(t, before)
	f.Registry = f.open()
	if _, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: app}); err != nil {
		t.Fatal(err)
	}
	return f
}

// open opens the registry on what the fixture has.
func (f *fixture) open(changes ...func(*registry.Options)) *registry.Registry {
	o := registry.Options{
		UploadKey: []byte("0123456789abcdef0123456789abcdef"), Grace: time.Hour, UndeleteWindow: time.Hour,
		Now: f.clock.now, Log: slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&o)
	}
	return registry.New(f.store, f.blobs, o)
}

// change changes the database without asking anybody, foreign keys neither.
func (f *fixture) change(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := f.raw.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (f *fixture) options() verify.Options {
	return verify.Options{Store: f.store, Blobs: f.blobs, Keys: f.keys, Grace: time.Hour, Now: f.clock.now, Log: slog.New(slog.NewTextHandler(f.log, nil))}
}

// verify reads everything, after changes were made to the options.
func (f *fixture) verify(t testing.TB, changes ...func(*verify.Options)) verify.Report {
	t.Helper()
	o := f.options()
	for _, change := range changes {
		change(&o)
	}
	report, err := verify.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func marking(o *verify.Options)   { o.Mark = true }
func repairing(o *verify.Options) { o.Mark, o.Repair = true, true }

// An image is one that was pushed.
type image struct {
	payload       []byte
	digest        string
	config, layer []byte // config is kept in the database, layer in a file
	layerDigest   string
}

func (f *fixture) tryPutBlob(ctx context.Context, n registry.RepositoryName, content []byte) error {
	_, err := f.PutBlob(ctx, n, registry.Completion{
		Part: registry.Part{Length: int64(len(content)), Body: bytes.NewReader(content)}, Digests: []string{digest.FromBytes(content).String()}, AllowEmpty: true,
	})
	return err
}

func (f *fixture) putBlob(t testing.TB, content []byte) {
	t.Helper()
	if err := f.tryPutBlob(t.Context(), app, content); err != nil {
		t.Fatal(err)
	}
}

type descriptor struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int           `json:"size"`
}

func describe(mediaType string, content []byte) descriptor {
	return descriptor{mediaType, digest.FromBytes(content), len(content)}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// push pushes an image with a config of its own and a large layer.
func (f *fixture) push(t testing.TB, tags ...string) image {
	t.Helper()
	i, err := f.tryPush(t.Context(), app, tags...)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (f *fixture) tryPush(ctx context.Context, n registry.RepositoryName, tags ...string) (i image, err error) {
	i = image{config: []byte(`{"id":"` + rand.Text() + `"}`), layer: make([]byte, 200<<10)}
	if _, err := rand.Read(i.layer); err != nil {
		return i, err
	}
	i.layerDigest = digest.FromBytes(i.layer).String()
	if err := errors.Join(f.tryPutBlob(ctx, n, i.config), f.tryPutBlob(ctx, n, i.layer)); err != nil {
		return i, err
	}
	i.payload, err = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifest.MediaTypeImage,
		"config": describe("application/vnd.oci.image.config.v1+json", i.config),
		"layers": []descriptor{describe("application/vnd.oci.image.layer.v1.tar+gzip", i.layer)},
	})
	if err != nil {
		return i, err
	}
	result, err := f.PutImage(ctx, registry.NewImage{Repository: n, Payload: i.payload, Tags: tags, Actor: actor})
	i.digest = result.Digest
	return i, err
}

func (f *fixture) putImage(t testing.TB, payload []byte, tags ...string) (digest string) {
	t.Helper()
	result, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: tags, Actor: actor})
	if err != nil {
		t.Fatal(err)
	}
	return result.Digest
}

// index pushes an index of an image.
func (f *fixture) index(t testing.TB, of image, tag string) (digest string) {
	t.Helper()
	return f.putImage(t, encode(t, map[string]any{
		"schemaVersion": 2, "mediaType": manifest.MediaTypeIndex, "manifests": []descriptor{describe(manifest.MediaTypeImage, of.payload)},
	}), tag)
}

// path returns the file of a blob.
func (f *fixture) path(t testing.TB, digest string) string {
	t.Helper()
	_, hex, _ := strings.Cut(digest, ":")
	found, err := filepath.Glob(filepath.Join(f.dir, hex[:2], hex+".*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("found files %v of %s, %v", found, digest, err)
	}
	return found[0]
}

// flip changes a byte of a file.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[at] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// read returns the bytes of a blob as they are pulled.
func (f *fixture) read(t testing.TB, digest string) ([]byte, error) {
	t.Helper()
	c, err := f.OpenBlob(t.Context(), app, digest)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(c)
}
