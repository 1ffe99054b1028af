package registry_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/registry/registrytest"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// eachWithKeys is each for a registry whose repository "app" has AES256 and
// whose repository "sealed" has a KMS key.
func eachWithKeys(t *testing.T, test func(t *testing.T, f fixture, keys *registrytest.Keys)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, keys := newClock(), &registrytest.Keys{}
		f := fixture{openWith(t, s, t.TempDir(), c, func(o *registry.Options) { o.Keys = keys }), s, c}
		f.create(t, app, registry.TagMutability{})
		_, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: sealed, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: "alias/key"}})
		if err != nil {
			t.Fatal(err)
		}
		test(t, f, keys)
	})
}

var sealed = registry.RepositoryName{Registry: home, Name: "sealed"}

func TestRepositoryShowsItsKey(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, _ *registrytest.Keys) {
		found, err := f.Repository(t.Context(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if want := (registry.Encryption{Type: registry.KMS, KMSKey: registrytest.KeyARN}); found.Encryption != want {
			t.Errorf("got %v, want %v", found.Encryption, want)
		}
	})
}

func TestUnusableKeyStopsPushesAndPulls(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		ctx := t.Context()
		payload := f.image(t, sealed, "one")
		put := f.push(t, sealed, payload, "latest")
		content := []byte("a layer")
		d := f.putBlob(t, sealed, content)
		begun, err := f.StartUpload(ctx, sealed)
		if err != nil {
			t.Fatal(err)
		}
		operations := map[string]func() error{
			"StartUpload":  func() error { _, err := f.StartUpload(ctx, sealed); return err },
			"AppendUpload": func() error { _, err := f.AppendUpload(ctx, sealed, begun, part([]byte("more"))); return err },
			"CompleteUpload": func() error {
				id, err := f.StartUpload(ctx, sealed)
				if err != nil {
					id = begun
				}
				_, err = f.CompleteUpload(ctx, sealed, id, completion(content, d))
				return err
			},
			"PutBlob": func() error { _, err := f.PutBlob(ctx, sealed, completion(content, d)); return err },
			"PutImage": func() error {
				_, err := f.PutImage(ctx, registry.NewImage{Repository: sealed, Payload: payload, Tags: []string{"other"}, Actor: actor})
				return err
			},
			"Manifest by tag":    func() error { _, err := f.Manifest(ctx, sealed, registry.ImageID{Tag: "latest"}); return err },
			"Manifest by digest": func() error { _, err := f.Manifest(ctx, sealed, registry.ImageID{Digest: put.Digest}); return err },
			"OpenBlob": func() error {
				c, err := f.OpenBlob(ctx, sealed, d.String())
				if err == nil {
					err = c.Close()
				}
				return err
			},
			"MountBlob": func() error { _, err := f.MountBlob(ctx, sealed, "sealed", d.String()); return err },
		}
		for round, unusable := range []bool{false, true, false, true} {
			keys.SetUnusable(unusable)
			for name, operate := range operations {
				err := operate()
				if !unusable && err != nil {
					t.Errorf("round %d: %s: %v", round, name, err)
				}
				if unusable {
					if refused := wantCode(t, err, registry.CodeKms); refused.KMSError != "DisabledException" {
						t.Errorf("%s: KMSError is %q", name, refused.KMSError)
					}
				}
			}
		}
		wantCode(t, f.BlobReferenced(ctx, sealed, d.String()), registry.CodeKms)
	})
}

// Without the key its owner still sees what there is, and can get rid of it.
func TestUnusableKeyKeepsNobodyFromListingAndDeleting(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		ctx := t.Context()
		put := f.push(t, sealed, f.image(t, sealed, "one"), "latest")
		begun, err := f.StartUpload(ctx, sealed)
		if err != nil {
			t.Fatal(err)
		}
		keys.SetUnusable(true)
		for name, operate := range map[string]func() error{
			"Repository": func() error { _, err := f.Repository(ctx, sealed); return err },
			"ListImages": func() error {
				_, _, err := f.ListImages(ctx, sealed, registry.Any, registry.Cursor{}, 10)
				return err
			},
			"DescribeImages": func() error {
				_, _, err := f.DescribeImages(ctx, sealed, registry.Any, registry.Cursor{}, 10)
				return err
			},
			"Tags":       func() error { _, err := f.Tags(ctx, sealed, "", 10); return err },
			"CheckBlobs": func() error { _, err := f.CheckBlobs(ctx, sealed, []string{put.Digest}); return err },
			"UploadSize": func() error { _, err := f.UploadSize(ctx, sealed, begun); return err },
		} {
			if err := operate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := f.CancelUpload(ctx, sealed, begun); err != nil {
			t.Error(err)
		}
		if err := f.DeleteManifest(ctx, sealed, put.Digest, nil, actor); err != nil {
			t.Error(err)
		}
	})
}

// Whoever has no KMS key waits for none.
func TestAES256AsksForNoKey(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		keys.SetUnusable(true)
		before := keys.Checks()
		f.push(t, app, f.image(t, app, "one"), "latest")
		if _, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "latest"}); err != nil {
			t.Error(err)
		}
		d := f.putBlob(t, app, []byte("a layer"))
		if got := f.read(t, app, d); !bytes.Equal(got, []byte("a layer")) {
			t.Errorf("got %q", got)
		}
		if keys.Checks() != before {
			t.Errorf("keys were asked for %d times", keys.Checks()-before)
		}
	})
}

func TestBlobsAreMountedUnderOneKeyOnly(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, _ *registrytest.Keys) {
		content := []byte("a layer")
		d := f.putBlob(t, app, content)
		inSealed := f.putBlob(t, sealed, []byte("another layer"))
		for _, test := range []struct {
			target registry.RepositoryName
			source string
			digest string
			want   bool
		}{
			{sealed, "app", d.String(), false},
			{app, "sealed", inSealed.String(), false},
			{sealed, "sealed", inSealed.String(), true},
			{app, "app", d.String(), true},
		} {
			mounted, err := f.MountBlob(t.Context(), test.target, test.source, test.digest)
			if err != nil || mounted != test.want {
				t.Errorf("mount from %s to %s: %v, %v", test.source, test.target.Name, mounted, err)
			}
		}
		// What is not mounted is uploaded, and has a place of its own.
		if got := f.read(t, sealed, f.putBlob(t, sealed, content)); !bytes.Equal(got, content) {
			t.Errorf("got %q", got)
		}
	})
}

func TestGrantsComeAndGoWithTheRepository(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		if len(keys.Grants()) != 2 {
			t.Fatalf("grants: %v", keys.Grants())
		}
		// One that is there already costs no grants.
		in := registry.NewRepository{RepositoryName: sealed, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: registrytest.KeyARN}}
		_, err := f.CreateRepository(t.Context(), in)
		wantCode(t, err, registry.CodeRepositoryAlreadyExists)
		if len(keys.Grants()) != 2 {
			t.Errorf("grants after a refusal: %v", keys.Grants())
		}
		if _, err := f.DeleteRepository(t.Context(), sealed, true, actor); err != nil {
			t.Fatal(err)
		}
		if len(keys.Grants()) != 0 {
			t.Errorf("grants after the deletion: %v", keys.Grants())
		}
	})
}

// Of many who create one repository at the same time, the winner's grants stay.
func TestCreatorsOfOneRepositoryLeaveOnePairOfGrants(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		n := registry.RepositoryName{Registry: home, Name: "contended"}
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: n, Encryption: registry.Encryption{Type: registry.KMS}})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wantCode(t, err, registry.CodeRepositoryAlreadyExists)
			}
		}
		found, err := f.Repository(t.Context(), n)
		if err != nil || won != 1 {
			t.Fatalf("%d creators won: %v", won, err)
		}
		want := []string{found.ID + " write", found.ID + " read"}
		if diff := cmp.Diff(want, keys.Grants()[2:]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRepositoryIsDeletedThoughItsGrantsStay(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		keys.Failing = errors.New("the key is gone")
		if _, err := f.DeleteRepository(t.Context(), sealed, true, actor); err != nil {
			t.Fatal(err)
		}
		_, err := f.Repository(t.Context(), sealed)
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

func TestRepositoryWithAnUnusableKeyIsNotCreated(t *testing.T) {
	eachWithKeys(t, func(t *testing.T, f fixture, keys *registrytest.Keys) {
		keys.SetUnusable(true)
		n := registry.RepositoryName{Registry: home, Name: "never"}
		_, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: n, Encryption: registry.Encryption{Type: registry.KMSDSSE, KMSKey: registrytest.KeyARN}})
		wantCode(t, err, registry.CodeKms)
		_, err = f.Repository(t.Context(), n)
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

// A crash between a deletion and the end of the grants, here one of the keys,
// leaves them until the repository comes back or goes for good.
func TestGrantsThatOutliveADeletionEndLater(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f fixture) (left int){
		"restored": func(t *testing.T, f fixture) int {
			if _, err := f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: sealed, Actor: actor}); err != nil {
				t.Fatal(err)
			}
			return 2
		},
		"purged": func(t *testing.T, f fixture) int {
			f.clock.advance(2 * time.Hour)
			if _, err := f.CollectNow(t.Context()); err != nil {
				t.Fatal(err)
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				c, keys := newClock(), &registrytest.Keys{}
				f := fixture{openWith(t, s, t.TempDir(), c, func(o *registry.Options) { o.Keys, o.UndeleteWindow = keys, time.Hour }), s, c}
				_, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: sealed, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: "alias/key"}})
				if err != nil {
					t.Fatal(err)
				}
				keys.Failing = errors.New("the process ends")
				if _, err := f.DeleteRepository(t.Context(), sealed, false, actor); err != nil {
					t.Fatal(err)
				}
				keys.Failing = nil
				if left := end(t, f); len(keys.Grants()) != left {
					t.Errorf("the grants are %v, want %d", keys.Grants(), left)
				}
			})
		})
	}
}

// rewrappedKeys are wrapped anew while a repository is restored.
type rewrappedKeys struct {
	*registrytest.Keys
	store *store.Store
}

func (k rewrappedKeys) Renew(ctx context.Context, keeper registry.Keeper, key registry.RepositoryKey) (registry.RepositoryKey, error) {
	err := k.store.Update(ctx, store.PowerSafe, func(ctx context.Context, tx *store.Tx) error {
		return tx.RewrapRepositoryKey(ctx, keeper.RepositoryID, key.Wrapped, []byte("wrapped anew"))
	})
	if err != nil {
		return key, err
	}
	return k.Keys.Renew(ctx, keeper, key)
}

func TestRestorationAgainstRewrap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		f := fixture{openWith(t, s, t.TempDir(), c, func(o *registry.Options) {
			o.Keys, o.UndeleteWindow = rewrappedKeys{&registrytest.Keys{}, s}, time.Hour
		}), s, c}
		made, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: sealed, Encryption: registry.Encryption{Type: registry.KMS, KMSKey: "alias/key"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.DeleteRepository(t.Context(), sealed, false, actor); err != nil {
			t.Fatal(err)
		}
		if _, err := f.RestoreRepository(t.Context(), registry.RepositoryRestoration{RepositoryName: sealed, Actor: actor}); err != nil {
			t.Fatal(err)
		}
		if key, err := s.RepositoryKey(t.Context(), made.ID); string(key.Wrapped) != "wrapped anew" || err != nil {
			t.Errorf("the key is %q, %v", key.Wrapped, err)
		}
	})
}
