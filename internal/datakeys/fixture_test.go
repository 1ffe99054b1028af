package datakeys_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var (
	home = registry.ID{Account: "123456789012", Region: "us-east-1"}
	here = kms.Place{Account: home.Account, Region: home.Region}
	app  = registry.RepositoryName{Registry: home, Name: "app"}
)

const actor = "arn:aws:iam::123456789012:root"

// A node is a server's registry with its keys.
type node struct {
	*registry.Registry
	t     testing.TB
	keys  *datakeys.Keys
	kms   *kms.Service
	store *store.Store
	ring  *keyring.Ring
	later *atomic.Int64 // how much later it is for KMS, in nanoseconds
}

// A place is what nodes share.
type place struct{ ring, blobs string }

func newPlace(t testing.TB) place {
	dir := t.TempDir()
	return place{ring: filepath.Join(dir, "keys"), blobs: filepath.Join(dir, "blobs")}
}

func (p place) node(t testing.TB, s *store.Store) node {
	t.Helper()
	source, err := keyring.ParseSource("file:"+p.ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), source, true)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := file.Open(p.blobs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	later := new(atomic.Int64)
	keys := kms.New(s, kms.Options{Wrapper: ring, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	n := node{t: t, later: later, kms: keys, store: s, ring: ring, keys: datakeys.New(datakeys.Options{Ring: ring, Seal: true, KMS: keys, Store: s})}
	n.Registry = registry.New(s, blobs, registry.Options{
		Keys: n.keys, UploadKey: []byte("0123456789abcdef0123456789abcdef"), Log: slog.New(slog.DiscardHandler),
	})
	return n
}

// each runs a test on a node on each of the databases.
func each(t *testing.T, test func(t *testing.T, n node)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newPlace(t).node(t, s)) })
}

// newKey makes a KMS key.
func (n node) newKey() kms.KeyID {
	n.t.Helper()
	key, err := n.kms.CreateKey(n.t.Context(), kms.NewKey{Place: here})
	if err != nil {
		n.t.Fatal(err)
	}
	return key.KeyID
}

// create makes a repository with a KMS key.
func (n node) create(name registry.RepositoryName, encryption, key string) registry.Repository {
	n.t.Helper()
	made, err := n.CreateRepository(n.t.Context(), registry.NewRepository{
		RepositoryName: name, Encryption: registry.Encryption{Type: encryption, KMSKey: key}, Actor: actor,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return made
}

func keeperOf(r registry.Repository) registry.Keeper {
	return registry.Keeper{RepositoryID: r.ID, Repository: r.RepositoryName, Encryption: r.Encryption}
}

// grants returns the ids of the grants that a key has.
func (n node) grants(key kms.KeyID) (ids []string) {
	n.t.Helper()
	grants, _, err := n.kms.Grants(n.t.Context(), key, kms.GrantFilter{}, kms.Page{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, g := range grants {
		ids = append(ids, g.ID)
	}
	return ids
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKMS fails the test unless an error refuses with what KMS says.
func wantKMS(t testing.TB, err error, code kms.Code) {
	t.Helper()
	refused, ok := errors.AsType[*registry.Error](err)
	if !ok || refused.Code != registry.CodeKms || refused.KMSError != string(code) {
		t.Errorf("got %v, want %s", err, code)
	}
}
