package registry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// wantCollected runs a pass and holds what it freed against what it should have.
func (f collectFixture) wantCollected(t *testing.T, when string, want registry.Collected) {
	t.Helper()
	if diff := cmp.Diff(want, f.collect(t)); diff != "" {
		t.Errorf("%s, -want +got: %s", when, diff)
	}
}

func TestABlobIsKeptForTheGracePeriodAfterItWasLastAskedFor(t *testing.T) {
	eachCollected(t, time.Hour, func(t *testing.T, f collectFixture) {
		d := f.putBlob(t, app, largeLayer("layer"))
		small := f.putBlob(t, app, []byte("small"))
		f.clock.advance(59 * time.Minute)
		f.wantCollected(t, "before the end of the grace period", registry.Collected{})
		if _, err := f.CheckBlob(t.Context(), app, d.String()); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(time.Minute)
		f.wantCollected(t, "after it", registry.Collected{Links: 1, Blobs: 1, Bytes: 5})
		if _, err := f.CheckBlob(t.Context(), app, small.String()); !refusedAs(err, registry.CodeLayersNotFound) || err == nil {
			t.Errorf("the blob that nobody asked for reads %v", err)
		}
		f.clock.advance(59 * time.Minute)
		f.wantCollected(t, "an hour after it was asked for", registry.Collected{Links: 1, Blobs: 1})
		f.clock.advance(14 * time.Minute)
		f.wantCollected(t, "while it is in the trash", registry.Collected{})
		f.clock.advance(time.Minute)
		f.wantCollected(t, "after its time there", registry.Collected{Files: 1, Bytes: int64(len(largeLayer("layer")))})
		f.settle(t, app)
	})
}

func TestADeletedImageFreesWhatNoOtherHas(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		shared, own, config := largeLayer("shared"), largeLayer("own"), []byte(`{}`)
		blobs := [][]byte{shared, own, config}
		if err := f.upload(t.Context(), app, blobs); err != nil {
			t.Fatal(err)
		}
		c := describe(configType, config)
		kept := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &c, Layers: []descriptor{describe(layerType, shared)}})
		gone := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &c, Layers: []descriptor{describe(layerType, shared), describe(layerType, own)}})
		f.push(t, app, kept, "kept")
		f.push(t, app, gone, "gone")
		f.wantCollected(t, "while both are there", registry.Collected{})
		if _, _, err := f.DeleteImages(t.Context(), app, []registry.ImageID{{Tag: "gone"}}, nil, actor); err != nil {
			t.Fatal(err)
		}
		f.wantCollected(t, "after one was deleted", registry.Collected{Links: 1, Blobs: 1, Files: 1, Bytes: int64(len(own))})
		f.settle(t, app)
	})
}

func TestWhatCanBeRestoredIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newCollectFixture(t, s, func(o *registry.Options) { o.UndeleteWindow = time.Hour })
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		for _, n := range []registry.RepositoryName{app, other} {
			payload, blobs := largeImage(t, n.Name, 2)
			if err := f.upload(t.Context(), n, blobs); err != nil {
				t.Fatal(err)
			}
			f.push(t, n, payload, "latest")
			if n == app {
				_, _, err := f.DeleteImages(t.Context(), n, []registry.ImageID{{Tag: "latest"}}, nil, actor)
				if err != nil {
					t.Fatal(err)
				}
			} else if _, err := f.DeleteRepository(t.Context(), n, true, actor); err != nil {
				t.Fatal(err)
			}
		}
		f.clock.advance(time.Hour - time.Millisecond)
		f.wantCollected(t, "while both can be restored", registry.Collected{})
		f.clock.advance(time.Millisecond)
		c := f.collect(t)
		if c.Images != 2 || c.Repositories != 1 || c.Links != 6 || c.Blobs != 6 || c.Files != 2 {
			t.Errorf("%+v were collected, want two images and a repository with all that they had", c)
		}
		f.settle(t, app)
	})
}

func TestTakingARepositoryApartGoesOnWhereItEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		steps, stop := 0, func() {}
		f := newCollectFixture(t, s, func(o *registry.Options) {
			o.Requests = func() int64 { // is asked after each step
				if steps++; steps%4 == 0 {
					stop()
				}
				return 0
			}
		})
		n := registry.RepositoryName{Registry: home, Name: "large"}
		f.create(t, n, registry.TagMutability{})
		const images = 100
		var children []descriptor
		for i := range images {
			payload := f.image(t, n, fmt.Sprint("image ", i))
			f.push(t, n, payload, fmt.Sprint("v", i), "latest")
			children = append(children, describe(manifest.MediaTypeImage, payload))
		}
		f.push(t, n, encode(t, imageText{MediaType: manifest.MediaTypeIndex, Manifests: children}), "index")
		if _, err := f.DeleteRepository(t.Context(), n, true, actor); err != nil {
			t.Fatal(err)
		}
		var total registry.Collected
		passes := 0
		for ; total.Repositories == 0 && passes < 100; passes++ {
			ctx, cancel := context.WithCancel(t.Context())
			stop = cancel
			c, err := f.CollectNow(ctx)
			if err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			total.Add(c)
			cancel()
			storetest.CheckConsistency(t, f.store)
		}
		if passes < 3 {
			t.Errorf("%d passes: the test interrupts nothing", passes)
		}
		if total.Images != images+1 || total.Links != 2*images {
			t.Errorf("%+v, want %d images and %d links", total, images+1, 2*images)
		}
		stop = func() {}
		f.settle(t, app)
	})
}

func TestBytesOfAnOpenBlobAreReadToTheEnd(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		content := largeLayer("layer")
		d := f.putBlob(t, app, content)
		c, err := f.OpenBlob(t.Context(), app, d.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		f.settle(t)
		if got, err := digest.FromReader(c); err != nil || got != d {
			t.Errorf("read %s, %v, want %s", got, err, d)
		}
	})
}

func TestTheTrashStaysWhileABackupCopiesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nifuda.db")
	s, err := store.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := newCollectFixture(t, s, func(*registry.Options) {})
	f.putBlob(t, app, largeLayer("layer"))
	hold, err := store.HoldTrash(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	f.wantCollected(t, "while a backup holds the trash", registry.Collected{Links: 1, Blobs: 1})
	if n := len(f.files(t)); n != 1 {
		t.Errorf("%d files, want the one that the backup copies", n)
	}
	if err := hold.Release(); err != nil {
		t.Fatal(err)
	}
	f.wantCollected(t, "after the backup", registry.Collected{Files: 1, Bytes: int64(len(largeLayer("layer")))})
}

func TestFilesThatNothingKnowsOfAreRemoved(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		payload, blobs := largeImage(t, "image", 1)
		if err := f.upload(t.Context(), app, blobs); err != nil {
			t.Fatal(err)
		}
		f.push(t, app, payload)
		now := f.clock.now()
		write := func(age time.Duration) string {
			hex := digest.FromString(age.String()).Encoded()
			path := filepath.Join(f.dir, hex[:2], hex+"."+uuid.Must(uuid.NewV7()).String())
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("orphan"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
				t.Fatal(err)
			}
			return path
		}
		old, young := write(25*time.Hour), write(23*time.Hour)
		if err := os.Chtimes(filepath.Join(f.dir, f.files(t)[0]), now, now); err != nil {
			t.Fatal(err)
		}
		for _, name := range f.files(t) { // the image's is old as well
			if !strings.Contains(young, name) {
				if err := os.Chtimes(filepath.Join(f.dir, name), now.Add(-48*time.Hour), now.Add(-48*time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, want := range []int64{1, 0} { // it is found once
			if n, err := f.SweepOrphans(t.Context()); n != want || err != nil {
				t.Errorf("%d orphans, %v, want %d", n, err, want)
			}
		}
		f.wantCollected(t, "right after they were found", registry.Collected{})
		f.clock.advance(time.Hour)
		f.wantCollected(t, "an hour later", registry.Collected{Files: 1, Bytes: 6})
		for path, want := range map[string]bool{old: false, young: true} {
			if _, err := os.Stat(path); (err == nil) != want {
				t.Errorf("%s is there: %t, want %t", path, err == nil, want)
			}
		}
		f.checkImages(t, app)
	})
}

// What looked like an orphan was an upload that ended a moment later.
func TestAFileThatGetsItsRowLateStays(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		payload, blobs := largeImage(t, "image", 1)
		if err := f.upload(t.Context(), app, blobs); err != nil {
			t.Fatal(err)
		}
		f.push(t, app, payload)
		location := storetest.Texts(t, f.store, `SELECT location FROM blobs WHERE location IS NOT NULL`)[0]
		err := f.store.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.PutTrash(ctx, store.Trash{Location: location, DeleteAfter: 1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f.wantCollected(t, "with a blob's bytes in the trash", registry.Collected{})
		f.settle(t, app)
	})
}

func TestWhatWasCollectedIsRemembered(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		for i := range 2 {
			f.putBlob(t, app, fmt.Append(nil, "blob ", i))
			f.collect(t)
			f.collect(t) // a pass that frees nothing is not
		}
		f.putBlob(t, app, []byte("more"))
		f.clock.advance(time.Minute)
		c, err := f.Collection(t.Context())
		want := registry.Collection{
			Last:    registry.Pass{At: c.Last.At, Took: c.Last.Took, Collected: registry.Collected{Links: 1, Blobs: 1, Bytes: 6}},
			Total:   registry.Collected{Links: 2, Blobs: 2, Bytes: 12},
			Waiting: registry.Waiting{Links: 1},
		}
		if diff := cmp.Diff(want, c); err != nil || diff != "" {
			t.Errorf("%v, -want +got: %s", err, diff)
		}
	})
}

// The collector that runs beside a server frees what was deleted by itself.
func TestTheServerCollectsWhatWasDeleted(t *testing.T) {
	eachCollected(t, 0, func(t *testing.T, f collectFixture) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.RunCollector(ctx) }()
		payload, blobs := largeImage(t, "image", 2)
		for {
			if err := f.upload(t.Context(), app, blobs); err != nil {
				t.Fatal(err)
			}
			_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload})
			if err == nil {
				break
			}
			wantCode(t, err, registry.CodeLayersNotFound) // there is no grace
		}
		if err := f.DeleteManifest(t.Context(), app, digestOf(payload), nil, actor); err != nil {
			t.Fatal(err)
		}
		for len(f.files(t)) > 0 {
			if t.Context().Err() != nil {
				t.Fatal("the file stays")
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
		<-done
		f.settle(t, app)
	})
}
