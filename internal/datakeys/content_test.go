package datakeys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
)

// putBlob uploads a blob, in two parts when it is large.
func (n node) putBlob(to registry.RepositoryName, content []byte) error {
	d := digest.FromBytes(content)
	completion := registry.Completion{Part: registry.Part{Length: int64(len(content)), Body: bytes.NewReader(content)}, Digests: []string{d.String()}}
	if len(content) < 1<<20 {
		_, err := n.PutBlob(n.t.Context(), to, completion)
		return err
	}
	id, err := n.StartUpload(n.t.Context(), to)
	if err != nil {
		return err
	}
	half := len(content) / 2
	if _, err := n.AppendUpload(n.t.Context(), to, id, registry.Part{Length: int64(half), Body: bytes.NewReader(content[:half])}); err != nil {
		return err
	}
	completion.Part = registry.Part{Length: int64(len(content) - half), Body: bytes.NewReader(content[half:])}
	_, err = n.CompleteUpload(n.t.Context(), to, id, completion)
	return err
}

// push puts an image of a config and layers.
func (n node) push(to registry.RepositoryName, tag string, layers ...[]byte) error {
	type descriptor struct {
		MediaType string        `json:"mediaType"`
		Digest    digest.Digest `json:"digest"`
		Size      int           `json:"size"`
	}
	describe := func(mediaType string, content []byte) descriptor {
		return descriptor{mediaType, digest.FromBytes(content), len(content)}
	}
	config := []byte(`{"tag":"` + tag + `"}`)
	image := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{2, "application/vnd.oci.image.manifest.v1+json", describe("application/vnd.oci.image.config.v1+json", config), []descriptor{}}
	for _, layer := range append([][]byte{config}, layers...) {
		if err := n.putBlob(to, layer); err != nil {
			return err
		}
	}
	for _, layer := range layers {
		image.Layers = append(image.Layers, describe("application/vnd.oci.image.layer.v1.tar", layer))
	}
	payload, err := json.Marshal(image)
	if err != nil {
		return err
	}
	_, err = n.PutImage(n.t.Context(), registry.NewImage{Repository: to, Payload: payload, Tags: []string{tag}, Actor: actor})
	return err
}

// pull reads an image's manifest and one of its layers.
func (n node) pull(from registry.RepositoryName, tag string, layer []byte) error {
	if _, err := n.Manifest(n.t.Context(), from, registry.ImageID{Tag: tag}); err != nil {
		return err
	}
	content, err := n.OpenBlob(n.t.Context(), from, digest.FromBytes(layer).String())
	if err != nil {
		return err
	}
	defer content.Close()
	got, err := io.ReadAll(content)
	if err == nil && !bytes.Equal(got, layer) {
		err = errors.New("other bytes than those that were pushed")
	}
	return err
}

// Nothing of what is pushed to a repository can be read on the disk, be it large
// or small, whole or on its way.
func TestNoPlaintextOnTheDisk(t *testing.T) {
	const needle = "the-needle-that-nobody-may-find"
	for _, encryption := range []string{registry.AES256, registry.KMS, registry.KMSDSSE} {
		t.Run(encryption, func(t *testing.T) {
			dir := t.TempDir()
			s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "nifuda.db"))
			must(t, err)
			t.Cleanup(func() { s.Close() })
			n := place{ring: filepath.Join(dir, "keys"), blobs: filepath.Join(dir, "blobs")}.node(t, s)
			n.create(app, encryption, "")
			small, large := []byte(strings.Repeat(needle, 10)), []byte(strings.Repeat(needle, 100_000))
			must(t, n.push(app, "latest", small, large))
			must(t, n.pull(app, "latest", small))
			must(t, n.pull(app, "latest", large))
			for _, content := range [][]byte{small, large} { // uploads that are left
				id, err := n.StartUpload(t.Context(), app)
				must(t, err)
				_, err = n.AppendUpload(t.Context(), app, id, registry.Part{Length: int64(len(content)), Body: bytes.NewReader(content)})
				must(t, err)
			}
			files := 0
			must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				files++
				text, err := os.ReadFile(path)
				if bytes.Contains(text, []byte(needle)) {
					t.Errorf("%s has what was pushed", path)
				}
				return err
			}))
			if files < 4 {
				t.Errorf("only %d files were looked at", files)
			}
		})
	}
}

// The same bytes under two keys are two blobs.
func TestRepositoriesWithKeysShareNoBlobs(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		layer := []byte("a layer that many have")
		first, second := n.newKey(), n.newKey()
		one, other := registry.RepositoryName{Registry: home, Name: "one"}, registry.RepositoryName{Registry: home, Name: "other"}
		n.create(app, registry.AES256, "")
		n.create(one, registry.KMS, first.ARN())
		n.create(other, registry.KMSDSSE, second.ARN())
		for _, name := range []registry.RepositoryName{app, one, other} {
			must(t, n.push(name, "latest", layer))
		}
		must(t, n.kms.Disable(ctx, first))
		wantKMS(t, n.pull(one, "latest", layer), kms.CodeDisabled)
		must(t, n.pull(app, "latest", layer))
		must(t, n.pull(other, "latest", layer))
	})
}

// Deleting a key for good takes with it what it sealed, and nobody is kept from
// deleting that.
func TestRepositoryOfADeletedKeyCanBeDeleted(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		key := n.newKey()
		n.create(app, registry.KMS, key.ARN())
		must(t, n.push(app, "latest", []byte("a layer")))
		_, err := n.kms.ScheduleDeletion(ctx, key, 7)
		must(t, err)
		n.later.Store(int64(8 * 24 * time.Hour))
		must(t, n.kms.Sweep(ctx))
		wantKMS(t, n.pull(app, "latest", []byte("a layer")), kms.CodeNotFound)
		wantKMS(t, n.push(app, "other", []byte("a layer")), kms.CodeNotFound)
		_, err = n.DeleteRepository(ctx, app, true, actor)
		must(t, err)
	})
}

// DisableKey against pushes and pulls: what begins after it has returned is
// refused, and after EnableKey everything goes on.
func TestDisableKeyAgainstPushesAndPulls(t *testing.T) {
	each(t, func(t *testing.T, n node) {
		ctx := t.Context()
		key := n.newKey()
		n.create(app, registry.KMS, key.ARN())
		layer := bytes.Repeat([]byte("layer "), 20_000)
		must(t, n.push(app, "latest", layer))
		var stop atomic.Bool
		var refused, done atomic.Int64
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					err := n.pull(app, "latest", layer)
					if worker%2 == 0 {
						err = n.push(app, "worker", []byte{byte(worker), byte(i), byte(i >> 8)})
					}
					switch refusal, ok := errors.AsType[*registry.Error](err); {
					case err == nil:
						done.Add(1)
					case ok && refusal.KMSError == string(kms.CodeDisabled):
						refused.Add(1)
					default:
						t.Errorf("worker %d: %v", worker, err)
						return
					}
				}
			})
		}
		for range 20 {
			must(t, n.kms.Disable(ctx, key))
			wantKMS(t, n.pull(app, "latest", layer), kms.CodeDisabled)
			wantKMS(t, n.push(app, "mine", layer), kms.CodeDisabled)
			must(t, n.kms.Enable(ctx, key))
			must(t, n.pull(app, "latest", layer))
			must(t, n.push(app, "mine", layer))
		}
		stop.Store(true)
		wg.Wait()
		t.Logf("%d done, %d refused", done.Load(), refused.Load())
	})
}
