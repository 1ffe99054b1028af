package server

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/config"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A losing is a server that loses its database.
type losing struct {
	*testing.T
	config   config.Config
	database func() string // makes an empty one
}

// onLostDatabases runs a test on each database, with and without sealing.
func onLostDatabases(t *testing.T, test func(l losing)) {
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "nifuda.db") },
		"postgres": func(t *testing.T) string { return storetest.PostgresURL(t) },
	} {
		for _, sealed := range []string{"on", "off"} {
			t.Run(name+", sealing "+sealed, func(t *testing.T) {
				c := config.Default()
				c.Data, c.Seal = t.TempDir(), sealed
				l := losing{t, inData(c), func() string { return database(t) }}
				l.config.Database = l.database()
				test(l)
			})
		}
	}
}

// serve calls use with a running server.
func (l losing) serve(use func(f *fixture)) {
	l.Helper()
	var running *server
	use(startServerIn(l, l.config, func(s *server) { running = s }))
	closers := running.closers
	running.closers = nil // for the end of the test
	if err := (&server{closers: closers}).close(); err != nil {
		l.Fatal(err)
	}
}

func (l losing) recover(repositories ...string) (registry.Recovery, error) {
	return RecoverBlobs(l.Context(), Options{
		Config: l.config, Getenv: func(string) string { return "" }, Stdout: io.Discard, Log: slog.New(slog.DiscardHandler),
	}, repositories)
}

// mustRecover returns what was recovered, with the names of the damaged files
// only.
func (l losing) mustRecover(repositories ...string) (found registry.Recovery, damaged []string) {
	l.Helper()
	found, err := l.recover(repositories...)
	if err != nil {
		l.Fatal(err)
	}
	for _, d := range found.Damaged {
		damaged = append(damaged, d.Location)
	}
	found.Damaged = nil
	return found, damaged
}

// file returns the only file of a blob.
func (l losing) file(content []byte) string {
	l.Helper()
	hex := digest.FromBytes(content).Encoded()
	names, err := filepath.Glob(filepath.Join(l.config.Data, "blobs", hex[:2], hex+".*"))
	if err != nil || len(names) != 1 {
		l.Fatalf("the files of a blob: %v, %v", names, err)
	}
	return names[0]
}

func (l losing) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// mustBeChecked fails the test unless so many links are looked at when the grace
// period is over, and none before.
func (l losing) mustBeChecked(links int) {
	l.Helper()
	s, err := store.Open(l.Context(), l.config.Database)
	l.must(err)
	defer s.Close()
	for after, want := range map[time.Duration]int{23 * time.Hour: 0, 25 * time.Hour: links} {
		checks, err := s.LinkChecks(l.Context(), time.Now().Add(after).UnixMilli(), store.LinkCheck{}, 100)
		if err != nil || len(checks) != want {
			l.Errorf("after %s %d links are looked at, %v, want %d", after, len(checks), err, want)
		}
	}
}

// location is the name of a file in the blob store.
func location(file string) string {
	return filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
}

// change flips a byte in the middle of a file.
func (l losing) change(file string) {
	l.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		l.Fatal(err)
	}
	content[len(content)/2] ^= 1
	l.write(file, content)
}

func (l losing) write(file string, content []byte) {
	l.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		l.Fatal(err)
	}
}

func (f *fixture) pushBlob(repository string, content []byte) {
	f.tb.Helper()
	f.send(f.v2("POST", "/v2/"+repository+"/blobs/uploads/?digest="+digest.FromBytes(content).String(), content), http.StatusCreated)
}

// pushManifest pushes an image of layers that are there already.
func (f *fixture) pushManifest(repository, tag string, layers ...[]byte) {
	f.tb.Helper()
	blobConfig := []byte(`{}`)
	f.pushBlob(repository, blobConfig) // it was in the database
	describe := func(mediaType string, content []byte) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": digest.FromBytes(content), "size": len(content)}
	}
	var described []any
	for _, layer := range layers {
		described = append(described, describe("application/vnd.oci.image.layer.v1.tar", layer))
	}
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	image, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType, "config": describe("application/vnd.oci.image.config.v1+json", blobConfig), "layers": described,
	})
	f.must(err)
	r := f.v2("PUT", "/v2/"+repository+"/manifests/"+tag, image)
	r.Header.Set("Content-Type", mediaType)
	f.send(r, http.StatusCreated)
}

func randomBytes(n int) []byte {
	content := make([]byte, n)
	rand.Read(content)
	return content
}

// After a recovery a push sends no layer that is left whole, and a second
// recovery changes nothing.
func TestLayersAreRecoveredWithoutTheDatabase(t *testing.T) {
	onLostDatabases(t, func(l losing) {
		layers := [][]byte{randomBytes(70_000), randomBytes(300_000), randomBytes(1 << 20)}
		spoilt, cut, secret := randomBytes(100_000), randomBytes(200_000), randomBytes(100_001)
		// What was pushed may look like a sealed file.
		pretending := slices.Concat([]byte("nifuda\x01\x01\x00\x04abcd"), randomBytes(90_000))
		layers = append(layers, pretending)
		l.serve(func(f *fixture) {
			for _, name := range []string{"app", "web"} {
				f.repository(name)
			}
			f.ok(f.rootSigner(), "CreateRepository", map[string]any{"repositoryName": "secret", "encryptionConfiguration": map[string]any{"encryptionType": "KMS"}})
			for _, content := range slices.Concat(layers, [][]byte{spoilt, cut, []byte("small")}) {
				f.pushBlob("app", content)
			}
			f.pushBlob("secret", secret)
		})
		l.change(l.file(spoilt))
		l.must(os.Truncate(l.file(cut), 100_000))
		damaged := []string{location(l.file(spoilt)), location(l.file(cut))}
		slices.Sort(damaged)
		there := l.file(layers[0])
		l.write(filepath.Join(filepath.Dir(there), "README"), []byte("foreign"))
		stored, err := os.ReadFile(there)
		l.must(err)
		l.write(strings.Split(there, ".")[0]+"."+uuid.NewString(), stored)

		l.config.Database = l.database() // the other is lost
		found, gotDamaged := l.mustRecover("app")
		want := registry.Recovery{Recovered: int64(len(layers)), Copies: 1, Locked: 1, Links: int64(len(layers))}
		for _, layer := range layers {
			want.Bytes += int64(len(layer))
		}
		if !reflect.DeepEqual(found, want) || !slices.Equal(gotDamaged, damaged) {
			l.Errorf("recovered %+v and %v, want %+v and %v", found, gotDamaged, want, damaged)
		}
		found, gotDamaged = l.mustRecover("app", "web")
		want = registry.Recovery{Known: int64(len(layers)), Copies: 1, Locked: 1, Links: int64(len(layers))}
		if !reflect.DeepEqual(found, want) || !slices.Equal(gotDamaged, damaged) {
			l.Errorf("recovered again %+v and %v, want %+v and %v", found, gotDamaged, want, damaged)
		}
		l.mustBeChecked(2 * len(layers))
		l.serve(func(f *fixture) {
			for _, repository := range []string{"app", "web"} {
				for _, layer := range layers {
					f.send(f.v2("HEAD", "/v2/"+repository+"/blobs/"+digest.FromBytes(layer).String(), nil), http.StatusOK)
				}
				f.send(f.v2("HEAD", "/v2/"+repository+"/blobs/"+digest.FromBytes(spoilt).String(), nil), http.StatusNotFound)
				f.pushManifest(repository, "latest", layers...)
				for _, layer := range layers {
					got := f.send(f.v2("GET", "/v2/"+repository+"/blobs/"+digest.FromBytes(layer).String(), nil), http.StatusOK).Body.Bytes()
					if !bytes.Equal(got, layer) {
						l.Errorf("a layer has %d bytes of %d, or others", len(got), len(layer))
					}
				}
			}
		})
	})
}

// A database that took a wrong ring for its own would refuse the right one.
func TestRecoveryWantsTheKeyRingOfTheFiles(t *testing.T) {
	onLostDatabases(t, func(l losing) {
		if l.config.Seal == "off" {
			return
		}
		layer := randomBytes(100_000)
		l.serve(func(f *fixture) {
			f.repository("app")
			f.pushBlob("app", layer)
		})
		ring := filepath.Join(l.config.Data, "seal-keys")
		right, err := os.ReadFile(ring)
		l.must(err)
		l.config.Database = l.database()

		l.must(os.Remove(ring))
		if _, err := l.recover("app"); err == nil || !strings.Contains(err.Error(), "put it back") {
			l.Errorf("without the ring: %v", err)
		}
		l.write(ring, []byte("other "+strings.Repeat("A", 43)+"=\n"))
		if _, err := l.recover("app"); err == nil || !strings.Contains(err.Error(), "opens none of them") {
			l.Errorf("with another ring: %v", err)
		}
		l.write(ring, right)
		if found, damaged := l.mustRecover("app"); found.Recovered != 1 || damaged != nil {
			l.Errorf("with the ring: %+v, damaged %v", found, damaged)
		}
	})
}

func TestRecoveryRefusesRepositoriesThatCannotHaveTheBlobs(t *testing.T) {
	onLostDatabases(t, func(l losing) {
		l.serve(func(f *fixture) {
			f.ok(f.rootSigner(), "CreateRepository", map[string]any{"repositoryName": "secret", "encryptionConfiguration": map[string]any{"encryptionType": "KMS"}})
		})
		for want, repositories := range map[string][]string{"has a KMS key": {"secret"}, "malformed name": {"App"}, "name one": nil} {
			if _, err := l.recover(repositories...); err == nil || !strings.Contains(err.Error(), want) {
				l.Errorf("into %q: %v, want %q", repositories, err, want)
			}
		}
	})
}
