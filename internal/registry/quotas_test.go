package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/quota"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

var (
	ofAccount = registry.QuotaOwner{Account: home.Account}
	ofApp     = registry.QuotaOwner{Account: home.Account, Repository: app}
)

func (f fixture) limit(t testing.TB, o registry.QuotaOwner, name quota.Name, value int64) {
	t.Helper()
	q, _ := quota.Find(name, nil)
	if err := f.PutQuota(t.Context(), o, q, value); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) usage(t testing.TB, o registry.QuotaOwner) registry.Usage {
	t.Helper()
	u, err := f.Usage(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// wantLimit fails the test unless err refuses for a quota in these words.
func wantLimit(t testing.TB, err error, message string) {
	t.Helper()
	if refused := wantCode(t, err, registry.CodeLimitExceeded); refused != nil && refused.Message != message {
		t.Errorf("refused with %q, want %q", refused.Message, message)
	}
}

func TestOneImageTooManyIsRefusedAndLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.limit(t, ofAccount, quota.ImagesPerRepository, 2)
		first := f.image(t, app, "one")
		f.push(t, app, first, "v1")
		f.push(t, app, f.image(t, app, "two"), "v2")
		before := f.usage(t, ofApp)
		third := f.image(t, app, "three")
		_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: third, Tags: []string{"v3"}, Actor: actor})
		wantLimit(t, err, "The repository with name 'app' in registry with id '123456789012' already has the maximum allowed number of images which is '2'")
		if _, err := f.Manifest(t.Context(), app, registry.ImageID{Tag: "v3"}); !isCode(err, registry.CodeImageNotFound) {
			t.Errorf("the refused image's tag: %v", err)
		}
		f.push(t, app, first, "again") // is no image more
		if after := f.usage(t, ofApp); after.Images != before.Images {
			t.Errorf("%d images after the refusal, %d before", after.Images, before.Images)
		}
		f.limit(t, ofApp, quota.ImagesPerRepository, 3)
		f.push(t, app, third, "v3")
		storetest.CheckConsistency(t, f.store)
	})
}

func isCode(err error, code registry.Code) bool {
	refused, ok := errors.AsType[*registry.Error](err)
	return ok && refused.Code == code
}

func TestOneRepositoryTooManyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.limit(t, ofAccount, quota.Repositories, 2)
		second := registry.RepositoryName{Registry: home, Name: "second"}
		third := registry.RepositoryName{Registry: home, Name: "third"}
		f.create(t, second, registry.TagMutability{})
		_, err := f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: third})
		wantLimit(t, err, "The registry with id '123456789012' already has the maximum allowed number of repositories which is '2'")
		if _, err := f.Repository(t.Context(), third); !isCode(err, registry.CodeRepositoryNotFound) {
			t.Errorf("the refused repository: %v", err)
		}
		_, err = f.CreateRepository(t.Context(), registry.NewRepository{RepositoryName: second})
		wantCode(t, err, registry.CodeRepositoryAlreadyExists)
		elsewhere := registry.RepositoryName{Registry: registry.ID{Account: home.Account, Region: "eu-west-1"}, Name: "app"}
		f.create(t, elsewhere, registry.TagMutability{})
	})
}

func TestOneTagTooManyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.limit(t, ofApp, quota.TagsPerImage, 1)
		image := f.image(t, app, "one")
		f.push(t, app, image, "v1")
		_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: image, Tags: []string{"v2"}, Actor: actor})
		wantLimit(t, err, "Adding tag 'v2' to an image in the repository with name 'app' in registry with id '123456789012' exceeds the maximum allowed number of tags per image which is '1'")
	})
}

func TestLayersBeyondTheirSizeAreRefused(t *testing.T) {
	const most = 100_000
	layer := random(t, most+1)
	tests := map[string]func(f fixture, p registry.Part) (id string, err error){
		"in one request": func(f fixture, p registry.Part) (string, error) {
			c := completion(layer)
			c.Part = p
			_, err := f.PutBlob(context.Background(), app, c)
			return "", err
		},
		"in a part": func(f fixture, p registry.Part) (string, error) {
			id, err := f.StartUpload(context.Background(), app)
			if err == nil {
				_, err = f.AppendUpload(context.Background(), app, id, p)
			}
			return id, err
		},
	}
	for name, push := range tests {
		for _, length := range []int64{most + 1, -1} {
			t.Run(fmt.Sprintf("%s of the length %d", name, length), func(t *testing.T) {
				each(t, func(t *testing.T, f fixture) {
					f.limit(t, ofAccount, quota.LayerSize, most)
					body := &countingReader{Reader: bytes.NewReader(layer)}
					id, err := push(f, registry.Part{Length: length, Body: body})
					wantLimit(t, err, "The layer for the repository with name 'app' in registry with id '123456789012' exceeds the maximum allowed layer size which is '100000' bytes")
					if length > 0 && body.read > 0 {
						t.Errorf("%d bytes were read of a layer that is known to be too large", body.read)
					}
					if size, err := f.UploadSize(t.Context(), app, id); id != "" && (size != 0 || err != nil) {
						t.Errorf("the upload has %d bytes, %v", size, err)
					}
					f.putBlob(t, app, layer[1:])
				})
			})
		}
	}
}

type countingReader struct {
	*bytes.Reader
	read int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.read += n
	return n, err
}

func TestPartsBeyondTheirNumberAreRefused(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.limit(t, ofAccount, quota.LayerParts, 2)
		id, err := f.StartUpload(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		send := func(counted bool) error {
			_, err := f.AppendUpload(t.Context(), app, id, registry.Part{Length: 1, Body: strings.NewReader("x"), Counted: counted})
			return err
		}
		if err := errors.Join(send(true), send(true)); err != nil {
			t.Fatal(err)
		}
		wantLimit(t, send(true), "The upload with id '"+id+"' in the repository with name 'app' in registry with id '123456789012' already has the maximum allowed number of layer parts which is '2'")
		if err := send(false); err != nil { // as the chunks of OCI's API
			t.Error(err)
		}
	})
}

// The bytes that quotas on storage count are those of layers and of manifests.
func TestStorageBeyondItsQuotaIsRefused(t *testing.T) {
	other := registry.RepositoryName{Registry: home, Name: "other"}
	for _, test := range []struct {
		name    string
		owner   registry.QuotaOwner
		quota   quota.Name
		message string
	}{
		{"of a repository", ofApp, quota.RepositoryStorage, "The repository with name 'app' in registry with id '123456789012' would exceed its maximum allowed storage which is '1000' bytes"},
		{"of an account", ofAccount, quota.AccountStorage, "The account with id '123456789012' would exceed its maximum allowed storage which is '1000' bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, f fixture) {
				if test.quota == quota.AccountStorage && !f.store.Exclusive() {
					t.Skip("an account's sum may be of a second ago, see TestTheAccountsQuotaHoldsWithinASecond")
				}
				f.create(t, other, registry.TagMutability{})
				large := random(t, 2000)
				f.putBlob(t, other, random(t, 100))
				f.limit(t, test.owner, test.quota, 1000)
				f.putBlob(t, app, large[:700])
				_, err := f.PutBlob(t.Context(), app, completion(large[:500]))
				wantLimit(t, err, test.message)
				image := f.image(t, app, "one")
				f.limit(t, test.owner, test.quota, f.used(t, test.owner)+int64(len(image)))
				f.push(t, app, image, "v1")
				f.limit(t, test.owner, test.quota, 1000)
				config := describe(configType, []byte(`{"name":"one"}`))
				second := encode(t, imageText{MediaType: manifest.MediaTypeImage, Config: &config, Annotations: map[string]string{"pad": strings.Repeat("x", 1000)}})
				_, err = f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: second, Actor: actor})
				wantLimit(t, err, test.message)
				f.limit(t, test.owner, test.quota, quota.Unlimited)
				f.putBlob(t, other, large)
				f.limit(t, test.owner, test.quota, 2900)
				_, err = f.MountBlob(t.Context(), app, "other", completion(large, digest.FromBytes(large)).Digests[0])
				if test.quota == quota.AccountStorage {
					test.message = strings.Replace(test.message, "1000", "2900", 1)
					wantLimit(t, err, test.message)
				}
				storetest.CheckConsistency(t, f.store)
			})
		})
	}
}

func (f fixture) used(t testing.TB, o registry.QuotaOwner) int64 { return f.usage(t, o).Bytes }

// Pushes that meet at the limit of a repository end within it, and the bytes of
// the others are nowhere.
func TestPushesThatMeetAtTheStorageQuota(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		const size, fit, pushers = 100_000, 3, 12
		f.limit(t, ofApp, quota.RepositoryStorage, fit*size+size/2)
		var wg sync.WaitGroup
		results := make([]error, pushers)
		for i := range pushers {
			layer := random(t, size)
			wg.Go(func() {
				_, results[i] = f.PutBlob(context.Background(), app, completion(layer, digest.FromBytes(layer)))
			})
		}
		wg.Wait()
		pushed := 0
		for _, err := range results {
			if err == nil {
				pushed++
			} else if !isCode(err, registry.CodeLimitExceeded) {
				t.Error(err)
			}
		}
		if pushed != fit {
			t.Errorf("%d layers were taken, want %d", pushed, fit)
		}
		if u := f.usage(t, ofApp); u.Bytes != fit*size {
			t.Errorf("%d bytes are counted", u.Bytes)
		}
		storetest.CheckConsistency(t, f.store)
	})
}

// Images that meet at the limit of a repository end within it.
func TestPushesThatMeetAtTheImageQuota(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		const fit, pushers = 3, 12
		f.limit(t, ofApp, quota.ImagesPerRepository, fit)
		var wg sync.WaitGroup
		results := make([]error, pushers)
		for i := range pushers {
			image := f.image(t, app, strconv.Itoa(i))
			wg.Go(func() {
				_, results[i] = f.PutImage(context.Background(), registry.NewImage{Repository: app, Payload: image, Actor: actor})
			})
		}
		wg.Wait()
		pushed := 0
		for _, err := range results {
			if err == nil {
				pushed++
			} else if !isCode(err, registry.CodeLimitExceeded) {
				t.Error(err)
			}
		}
		if pushed != fit || f.usage(t, ofApp).Images != fit {
			t.Errorf("%d images were taken and %d are counted, want %d", pushed, f.usage(t, ofApp).Images, fit)
		}
	})
}

// Where one process writes, an account's sum is exact, whatever repositories the
// pushes are to.
func TestPushesThatMeetAtTheAccountsQuotaOnSQLite(t *testing.T) {
	s := storetest.SQLite(t)
	c := newClock()
	f := fixture{open(t, s, t.TempDir(), c), s, c}
	const size, fit, pushers = 10_000, 5, 20
	f.limit(t, ofAccount, quota.AccountStorage, fit*size)
	var wg sync.WaitGroup
	for i := range pushers {
		n := registry.RepositoryName{Registry: home, Name: fmt.Sprintf("r%d", i)}
		f.create(t, n, registry.TagMutability{})
		layer := random(t, size)
		wg.Go(func() {
			_, err := f.PutBlob(context.Background(), n, completion(layer, digest.FromBytes(layer)))
			if err != nil && !isCode(err, registry.CodeLimitExceeded) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if u := f.usage(t, ofAccount); u.Bytes != fit*size || u.Blobs != fit {
		t.Errorf("the account holds %+v", u)
	}
	n := registry.RepositoryName{Registry: home, Name: "r0"}
	if _, err := f.DeleteRepository(t.Context(), n, true, actor); err != nil {
		t.Fatal(err)
	}
	before := f.usage(t, ofAccount).Blobs
	f.create(t, n, registry.TagMutability{})
	for range fit {
		layer := random(t, size)
		_, _ = f.PutBlob(t.Context(), n, completion(layer, digest.FromBytes(layer)))
	}
	if u := f.usage(t, ofAccount); u.Bytes != fit*size {
		t.Errorf("after a repository with some of %d layers was deleted, the account holds %+v", before, u)
	}
}

// Where several processes write, an account's sum is at most a second old.
func TestTheAccountsQuotaHoldsWithinASecond(t *testing.T) {
	s := storetest.Postgres(t)
	c := newClock()
	f := fixture{open(t, s, t.TempDir(), c), s, c}
	f.create(t, app, registry.TagMutability{})
	f.limit(t, ofAccount, quota.AccountStorage, 100_000)
	for begin := time.Now(); ; {
		layer := random(t, 10_000)
		_, err := f.PutBlob(t.Context(), app, completion(layer, digest.FromBytes(layer)))
		if err != nil {
			wantLimit(t, err, "The account with id '123456789012' would exceed its maximum allowed storage which is '100000' bytes")
			return
		}
		if u := f.usage(t, ofAccount); u.Bytes > 100_000 && time.Since(begin) > 5*time.Second {
			t.Fatalf("the account holds %d bytes", u.Bytes)
		}
	}
}

// A quota that is set on one node holds on another within a second.
func TestAQuotaReachesOtherNodesWithinASecond(t *testing.T) {
	s := storetest.Postgres(t)
	c := newClock()
	one, other := fixture{open(t, s, t.TempDir(), c), s, c}, fixture{open(t, s, t.TempDir(), c), s, c}
	one.create(t, app, registry.TagMutability{})
	other.push(t, app, other.image(t, app, "one")) // remembers that there is no limit
	one.limit(t, ofApp, quota.ImagesPerRepository, 1)
	second := other.image(t, app, "two")
	c.advance(time.Second)
	_, err := other.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: second, Actor: actor})
	wantCode(t, err, registry.CodeLimitExceeded)
}

func TestQuotasAreListedAsTheyHold(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.limit(t, ofAccount, quota.ImagesPerRepository, 7)
		f.limit(t, ofApp, quota.RepositoryStorage, 9)
		f.limit(t, ofAccount, quota.Rate("PutImage"), 3)
		value := func(o registry.QuotaOwner, name quota.Name) (v registry.QuotaValue) {
			all, err := f.Quotas(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range all {
				if q.Name == name {
					return q
				}
			}
			t.Fatalf("there is no %s", name)
			return v
		}
		if v := value(ofAccount, quota.ImagesPerRepository); v.Value != 7 || !v.Set || v.ECR != 100_000 {
			t.Errorf("the account's: %+v", v)
		}
		if v := value(ofApp, quota.ImagesPerRepository); v.Value != 7 || v.Set {
			t.Errorf("what the repository has of its account: %+v", v)
		}
		if v := value(ofApp, quota.RepositoryStorage); v.Value != 9 || !v.Set {
			t.Errorf("the repository's own: %+v", v)
		}
		if v := value(ofAccount, quota.Rate("PutImage")); v.Value != 3 {
			t.Errorf("the rate: %+v", v)
		}
		rates, err := f.Rates(t.Context())
		if err != nil || len(rates) != 1 || rates[home.Account][quota.Rate("PutImage")] != 3 {
			t.Errorf("rates %v, %v", rates, err)
		}
		q, _ := quota.Find(quota.RepositoryStorage, nil)
		if err := f.DeleteQuota(t.Context(), ofApp, q); err != nil {
			t.Fatal(err)
		}
		if v := value(ofApp, quota.RepositoryStorage); v.Value != quota.Unlimited || v.Set {
			t.Errorf("after it was reset: %+v", v)
		}
		sum, _ := quota.Find(quota.AccountStorage, nil)
		wantCode(t, f.PutQuota(t.Context(), ofApp, sum, 1), registry.CodeInvalidParameter)
		wantCode(t, f.PutQuota(t.Context(), ofAccount, sum, -2), registry.CodeInvalidParameter)
		none := registry.QuotaOwner{Account: home.Account, Repository: registry.RepositoryName{Registry: home, Name: "none"}}
		wantCode(t, f.PutQuota(t.Context(), none, q, 1), registry.CodeRepositoryNotFound)
	})
}

// What a node of an older version changes is counted sooner or later.
func TestRecountCorrectsWhatWasNotCounted(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		f.push(t, app, f.image(t, app, "one"))
		want := f.usage(t, ofApp)
		repository, err := f.Repository(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		count, err := f.store.CountUsage(t.Context(), repository.ID)
		if err != nil || count.Kept != count.Actual {
			t.Fatalf("counted %+v, %v", count, err)
		}
		wrong := count
		wrong.Actual.Bytes += 5
		correct := func(c store.UsageCount) (done bool) {
			err := f.store.Update(t.Context(), store.PowerSafe, func(ctx context.Context, tx *store.Tx) (err error) {
				done, err = tx.CorrectUsage(ctx, repository.ID, c, 1)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if !correct(wrong) {
			t.Fatal("nothing was corrected")
		}
		if correct(wrong) {
			t.Error("the same was corrected twice")
		}
		if n, err := f.RecountUsage(t.Context()); err != nil || n != 1 {
			t.Errorf("%d repositories were corrected, %v", n, err)
		}
		if u := f.usage(t, ofApp); u != want {
			t.Errorf("usage %+v, want %+v", u, want)
		}
		storetest.CheckConsistency(t, f.store)
	})
}
