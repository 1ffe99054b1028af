package registry_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var (
	home = registry.ID{Account: "123456789012", Region: "us-east-1"}
	app  = registry.RepositoryName{Registry: home, Name: "app"}
)

const actor = "arn:aws:iam::123456789012:root"

// A clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

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

// A fixture is a registry with a repository "app" on one of the databases.
type fixture struct {
	*registry.Registry
	store *store.Store
	clock *clock
}

func open(t testing.TB, s *store.Store, dir string, c *clock) *registry.Registry {
	return openWith(t, s, dir, c, func(*registry.Options) {})
}

func openWith(t testing.TB, s *store.Store, dir string, c *clock, change func(*registry.Options)) *registry.Registry {
	blobs, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	o := registry.Options{
		UploadKey: []byte("0123456789abcdef0123456789abcdef"), Now: c.now, Log: slog.New(slog.DiscardHandler),
	}
	change(&o)
	return registry.New(s, blobs, o)
}

func each(t *testing.T, test func(t *testing.T, f fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		f := fixture{open(t, s, t.TempDir(), c), s, c}
		f.create(t, app, registry.TagMutability{})
		test(t, f)
	})
}

func (f fixture) create(t testing.TB, n registry.RepositoryName, m registry.TagMutability) {
	t.Helper()
	if _, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: n, Mutability: m}); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) putBlob(t testing.TB, n registry.RepositoryName, content []byte) digest.Digest {
	t.Helper()
	d := digest.FromBytes(content)
	_, err := f.PutBlob(t.Context(), n, completion(content, d))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func completion(content []byte, digests ...digest.Digest) registry.Completion {
	c := registry.Completion{Part: registry.Part{Length: int64(len(content)), Body: bytes.NewReader(content)}, AllowEmpty: true}
	for _, d := range digests {
		c.Digests = append(c.Digests, d.String())
	}
	return c
}

// An imageText makes manifests in tests.
type imageText struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *descriptor       `json:"config,omitempty"`
	Layers        []descriptor      `json:"layers,omitzero"`
	Manifests     []descriptor      `json:"manifests,omitempty"`
	Subject       *descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type descriptor struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
}

const (
	configType = "application/vnd.oci.image.config.v1+json"
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

func describe(mediaType string, content []byte) descriptor {
	return descriptor{mediaType, digest.FromBytes(content), int64(len(content))}
}

func encode(t testing.TB, m imageText) []byte {
	t.Helper()
	m.SchemaVersion = 2
	if m.Config != nil && m.Layers == nil {
		m.Layers = []descriptor{}
	}
	payload, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// image uploads a config and a layer made of name, and returns their manifest.
func (f fixture) image(t testing.TB, n registry.RepositoryName, name string) []byte {
	t.Helper()
	config, layer := []byte(`{"name":"`+name+`"}`), []byte("layer "+name)
	f.putBlob(t, n, config)
	f.putBlob(t, n, layer)
	c := describe(configType, config)
	return encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &c, Layers: []descriptor{describe(layerType, layer)}})
}

func (f fixture) push(t testing.TB, n registry.RepositoryName, payload []byte, tags ...string) registry.PutResult {
	t.Helper()
	result, err := f.PutImage(t.Context(), registry.NewImage{Repository: n, Payload: payload, Tags: tags, Actor: actor})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// wantCode fails the test unless err refuses with the code.
func wantCode(t testing.TB, err error, code registry.Code) *registry.Error {
	t.Helper()
	refusal, ok := errors.AsType[*registry.Error](err)
	if !ok || refusal.Code != code {
		t.Fatalf("got error %v, want %s", err, code)
	}
	return refusal
}

func random(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (f fixture) read(t testing.TB, n registry.RepositoryName, d digest.Digest) []byte {
	t.Helper()
	c, err := f.OpenBlob(t.Context(), n, d.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	content, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) != c.Size {
		t.Errorf("blob %s has %d bytes and says %d", d, len(content), c.Size)
	}
	return content
}
