package verify_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/verify"
)

// openKeys wrap keys by writing something in front of them.
type openKeys struct {
	registrytest.Keys
	unusable bool
}

var front = []byte("wrapped:")

func (k *openKeys) New(context.Context, registry.Keeper) (*seal.Key, error) {
	secrets := seal.NewSecrets(1)
	return &seal.Key{Secrets: secrets, Wrapped: append(bytes.Clone(front), secrets[0]...)}, nil
}

func (k *openKeys) Open(_ context.Context, _ registry.Keeper, wrapped []byte) (*seal.Key, error) {
	if k.unusable {
		return nil, registry.KmsRefusal("DisabledException", registrytest.KeyARN+" is disabled.")
	}
	secret, ok := bytes.CutPrefix(wrapped, front)
	if !ok || len(secret) != 32 {
		return nil, keyring.ErrDamaged
	}
	return &seal.Key{Secrets: [][]byte{secret}, Wrapped: wrapped}, nil
}

// eachSealed is each where blobs are sealed.
func eachSealed(t *testing.T, test func(t *testing.T, f *fixture, keys *openKeys)) {
	each(t, func(t *testing.T, f *fixture) {
		keys := new(openKeys)
		f.keys = keys
		f.Registry = f.open(func(o *registry.Options) { o.Keys = keys })
		test(t, f, keys)
	})
}

func TestDamageOfWhatIsSealedIsFound(t *testing.T) {
	configOf := func(i image) string { return digest.FromBytes(i.config).String() }
	layerOf := func(i image) string { return i.layerDigest }
	for name, test := range map[string]struct {
		damage  func(t *testing.T, f *fixture, i image)
		kind    verify.Kind
		about   func(i image) string
		refused bool // a pull of it is
	}{
		"a byte of a chunk": {
			damage: func(t *testing.T, f *fixture, i image) { flip(t, f.path(t, i.layerDigest), 100<<10) },
			kind:   verify.BlobDamaged, about: layerOf, refused: true,
		},
		"the last byte": {
			damage: func(t *testing.T, f *fixture, i image) {
				path := f.path(t, i.layerDigest)
				info, err := os.Stat(path)
				must(t, err)
				flip(t, path, info.Size()-1)
			},
			kind: verify.BlobDamaged, about: layerOf, refused: true,
		},
		"bytes at the end": {
			damage: func(t *testing.T, f *fixture, i image) {
				path := f.path(t, i.layerDigest)
				content, err := os.ReadFile(path)
				must(t, err)
				must(t, os.WriteFile(path, append(content, "more"...), 0o600))
			},
			kind: verify.BlobDamaged, about: layerOf, refused: true,
		},
		"the beginning": {
			damage: func(t *testing.T, f *fixture, i image) { flip(t, f.path(t, i.layerDigest), 0) },
			kind:   verify.BlobDamaged, about: layerOf, refused: true,
		},
		"the key in the header": {
			damage: func(t *testing.T, f *fixture, i image) { flip(t, f.path(t, i.layerDigest), 30) },
			kind:   verify.HeaderDamaged, about: layerOf,
		},
		"the key in the row": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE blobs SET sealing = $1 WHERE digest = $2`, []byte("?"), i.layerDigest)
			},
			kind: verify.BlobDamaged, about: layerOf, refused: true,
		},
		"a small blob": {
			damage: func(t *testing.T, f *fixture, i image) {
				f.change(t, `UPDATE blobs SET content = $1 WHERE digest = $2`, []byte("?"), configOf(i))
			},
			kind: verify.BlobDamaged, about: configOf, refused: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachSealed(t, func(t *testing.T, f *fixture, _ *openKeys) {
				f.push(t, "whole")
				i := f.push(t, "hurt")
				if report := f.verify(t); len(report.Found) > 0 {
					t.Fatalf("at first: %+v", report.Findings)
				}
				test.damage(t, f, i)
				report := f.verify(t, marking)
				if report.Found[test.kind] != 1 || len(report.Found) != 1 || report.Findings[0].Digest != test.about(i) ||
					!strings.Contains(report.Findings[0].Where(), appARN+":hurt@"+i.digest) {
					t.Errorf("found %+v", report.Findings)
				}
				_, err := f.read(t, test.about(i))
				if !test.refused {
					must(t, err)
					return
				}
				wantDamaged(t, err)
				f.putBlob(t, i.config)
				f.putBlob(t, i.layer)
				if _, err := f.read(t, test.about(i)); err != nil {
					t.Error(err)
				}
				if report := f.verify(t); len(report.Found) > 0 {
					t.Errorf("after the push: %+v", report.Findings)
				}
			})
		})
	}
}

func TestAKeyThatCannotBeUsedIsNoDamage(t *testing.T) {
	eachSealed(t, func(t *testing.T, f *fixture, keys *openKeys) {
		f.push(t, "v1")
		keys.unusable = true
		report := f.verify(t, marking)
		if report.Found[verify.KeyUnavailable] != 2 || report.Damage() != 0 || !strings.Contains(report.Findings[0].Problem, "is disabled") {
			t.Errorf("found %+v", report.Findings)
		}
		keys.unusable = false
		if report := f.verify(t); len(report.Found) > 0 {
			t.Errorf("found %+v", report.Findings)
		}
	})
}
