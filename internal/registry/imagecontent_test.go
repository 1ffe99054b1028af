package registry_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// put pushes an image of a config and layers.
func (f fixture) put(t *testing.T, n registry.RepositoryName, configType string, config []byte, layers ...[]byte) registry.PutResult {
	t.Helper()
	f.putBlob(t, n, config)
	c := describe(configType, config)
	text := imageText{MediaType: manifest.MediaTypeImage, Config: &c}
	for _, layer := range layers {
		f.putBlob(t, n, layer)
		text.Layers = append(text.Layers, describe(layerType, layer))
	}
	return f.push(t, n, encode(t, text))
}

func (f fixture) content(t *testing.T, n registry.RepositoryName, digest string) registry.ImageContent {
	t.Helper()
	content, err := f.ImageContent(t.Context(), n, digest)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestContentOfAnImageSaysWhoElseHasItsLayers(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		abroad := registry.RepositoryName{Registry: registry.ID{Account: "210987654321", Region: "us-east-1"}, Name: "app"}
		f.create(t, other, registry.TagMutability{})
		f.create(t, abroad, registry.TagMutability{})
		config := []byte(`{"architecture":"amd64"}`)
		own, shared, everywhere := []byte("own layer"), []byte("shared layer"), []byte("a layer of everybody")
		pushed := f.put(t, app, configType, config, everywhere, shared, own, shared)
		digest := pushed.Digest
		f.put(t, app, configType, []byte(`{"n":2}`), shared, everywhere)
		f.put(t, app, configType, []byte(`{"n":3}`), everywhere)
		f.put(t, other, configType, []byte(`{"n":4}`), everywhere)
		f.putBlob(t, other, own) // no image has it there
		f.put(t, abroad, configType, config, own)

		layer := func(content []byte, images, repositories int64) registry.ImageLayer {
			d := describe(layerType, content)
			return registry.ImageLayer{Digest: d.Digest.String(), MediaType: layerType, Size: d.Size, OtherImages: images, OtherRepositories: repositories}
		}
		want := registry.ImageContent{
			Manifest: pushed.Manifest, ConfigurationMediaType: configType, Configuration: config, UniqueBytes: int64(len(own) + len(config)),
			Layers: []registry.ImageLayer{layer(everywhere, 2, 1), layer(shared, 1, 0), layer(own, 0, 0), layer(shared, 1, 0)},
		}
		if diff := cmp.Diff(want, f.content(t, app, digest)); diff != "" {
			t.Error(diff)
		}
		_, err := f.ImageContent(t.Context(), app, digestOf(nil))
		wantCode(t, err, registry.CodeImageNotFound)
		_, err = f.ImageContent(t.Context(), registry.RepositoryName{Registry: home, Name: "none"}, digest)
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

// TestConfigurationsThatAreShown: JSON that is not too large, whatever its media
// type.
func TestConfigurationsThatAreShown(t *testing.T) {
	large := func(n int) []byte {
		return append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), n-8)...), `"}`...)
	}
	tests := []struct {
		name      string
		mediaType string
		config    []byte
		shown     bool
	}{
		{"empty", "application/vnd.oci.empty.v1+json", []byte("{}"), true},
		{"helm", "application/vnd.cncf.helm.config.v1+json", []byte(`{"name":"chart"}`), true},
		{"no JSON", "application/vnd.example+json", []byte(`{"name":`), false},
		{"binary", "application/octet-stream", []byte("\x00\xff"), false},
		{"not UTF-8", configType, []byte("\"\xff\""), false},
		{"as large as may be", configType, large(1 << 20), true},
		{"too large", configType, large(1<<20 + 1), false},
	}
	each(t, func(t *testing.T, f fixture) {
		for _, test := range tests {
			content := f.content(t, app, f.put(t, app, test.mediaType, test.config).Digest)
			if string(content.Configuration) != string(test.config) && test.shown || !test.shown && content.Configuration != nil ||
				content.ConfigurationMediaType != test.mediaType || content.ConfigurationDamaged {
				t.Errorf("%s: %.80s", test.name, content.Configuration)
			}
		}
		child := f.image(t, app, "child")
		f.push(t, app, child)
		index := f.push(t, app, encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: []descriptor{describe(manifest.MediaTypeImage, child)}}))
		if diff := cmp.Diff(registry.ImageContent{Manifest: index.Manifest, Layers: []registry.ImageLayer{}}, f.content(t, app, index.Digest)); diff != "" {
			t.Errorf("index: %s", diff)
		}
	})
}

func TestADamagedConfigurationIsNotShown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, dir := newClock(), t.TempDir()
		f := fixture{open(t, s, dir, c), s, c}
		f.create(t, app, registry.TagMutability{})
		config, err := json.Marshal(map[string]string{"x": string(bytes.Repeat([]byte("x"), 200<<10))}) // in a file
		if err != nil {
			t.Fatal(err)
		}
		digest := f.put(t, app, configType, config).Digest
		spoiled := 0
		err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err == nil && bytes.Contains(text, []byte("xxx")) {
				spoiled++
				err = os.WriteFile(path, bytes.Replace(text, []byte("xxx"), []byte("yyy"), 1), 0o600)
			}
			return err
		})
		if err != nil || spoiled != 1 {
			t.Fatal(spoiled, err)
		}
		content := f.content(t, app, digest)
		if content.Configuration != nil || !content.ConfigurationDamaged || content.UniqueBytes != int64(len(config)) {
			t.Errorf("%.80s, damaged %t", content.Configuration, content.ConfigurationDamaged)
		}
	})
}

// TestWithoutItsKeyNobodySeesWhatAnImageIsMadeOf as nobody can pull it.
func TestWithoutItsKeyNobodySeesWhatAnImageIsMadeOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, keys := newClock(), &registrytest.Keys{}
		f := fixture{openWith(t, s, t.TempDir(), c, func(o *registry.Options) { o.Keys = keys }), s, c}
		_, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: app, Encryption: registry.Encryption{Type: registry.KMS}})
		if err != nil {
			t.Fatal(err)
		}
		digest := f.put(t, app, configType, []byte(`{"secret":true}`)).Digest
		if content := f.content(t, app, digest); string(content.Configuration) != `{"secret":true}` {
			t.Errorf("with its key: %s", content.Configuration)
		}
		keys.SetUnusable(true)
		_, err = f.ImageContent(t.Context(), app, digest)
		wantCode(t, err, registry.CodeKms)
	})
}
