package registry_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// A sealedFixture is a fixture whose blobs are sealed, or not, under a ring.
type sealedFixture struct {
	fixture
	dir  string
	ring *keyring.Ring
}

func newSealedFixture(t *testing.T, s *store.Store) *sealedFixture {
	source, err := keyring.ParseSource("file:"+filepath.Join(t.TempDir(), "seal-keys"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), source, true)
	if err != nil {
		t.Fatal(err)
	}
	return &sealedFixture{fixture{nil, s, newClock()}, t.TempDir(), ring}
}

// serve starts the registry anew, with sealing on or off.
func (f *sealedFixture) serve(t *testing.T, seal bool) {
	keys := datakeys.New(datakeys.Options{Ring: f.ring, Seal: seal})
	f.Registry = openWith(t, f.store, f.dir, f.clock, func(o *registry.Options) { o.Keys, o.SealingKeys = keys, keys })
}

func eachSealed(t *testing.T, seal bool, test func(t *testing.T, f *sealedFixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newSealedFixture(t, s)
		f.serve(t, seal)
		f.create(t, app, registry.TagMutability{})
		test(t, f)
	})
}

// files returns what is in the blob store.
func (f *sealedFixture) files(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// putAll puts blobs of every size and returns them by their digests.
func (f *sealedFixture) putAll(t *testing.T) map[digest.Digest][]byte {
	t.Helper()
	blobs := map[digest.Digest][]byte{}
	for _, size := range sizes {
		content := random(t, size)
		blobs[f.putBlob(t, app, content)] = content
	}
	return blobs
}

func (f *sealedFixture) checkAll(t *testing.T, blobs map[digest.Digest][]byte) {
	t.Helper()
	for d, want := range blobs {
		if got := f.read(t, app, d); !bytes.Equal(got, want) {
			t.Errorf("a blob of %d bytes comes back as %d others", len(want), len(got))
		}
	}
}

func (f *sealedFixture) state(t *testing.T) registry.SealingState {
	t.Helper()
	state, err := f.Sealing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// secret is looked for where it must not be.
const secret = "a secret of many letters, "

func TestWhatIsStoredHasNothingOfThePlaintext(t *testing.T) {
	eachSealed(t, true, func(t *testing.T, f *sealedFixture) {
		for _, times := range []int{1, 100, 2500, 6000} {
			content := bytes.Repeat([]byte(secret), times)
			id := f.start(t)
			f.appendPart(t, id, part(content[:len(content)/2]), int64(len(content)/2))
			u, err := f.store.Upload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(u.Content, []byte("secret")) || bytes.Contains(u.WriterState, []byte("secret")) || u.Sealing == nil {
				t.Errorf("the state of an upload of %d bytes is not sealed", len(content)/2)
			}
			d := digest.FromBytes(content)
			if _, err := f.CompleteUpload(t.Context(), app, id, completion(content[len(content)/2:], d)); err != nil {
				t.Fatal(err)
			}
			if got := f.read(t, app, d); !bytes.Equal(got, content) {
				t.Errorf("%d bytes come back as %d others", len(content), len(got))
			}
			b, _, err := f.store.OpenBlob(t.Context(), home.Account, home.Region, app.Name, d.String())
			if err != nil || b.Sealing == nil || bytes.Contains(b.Content, []byte("secret")) {
				t.Errorf("a blob of %d bytes is not sealed in the database, %v", len(content), err)
			}
		}
		for path, content := range f.files(t) {
			if bytes.Contains(content, []byte("secret")) {
				t.Errorf("%s has the plaintext", path)
			}
		}
	})
}

func TestWhatWasStoredBeforeSealingIsSealedLater(t *testing.T) {
	eachSealed(t, false, func(t *testing.T, f *sealedFixture) {
		blobs := f.putAll(t)
		f.serve(t, true)
		f.checkAll(t, blobs)
		if got := f.state(t).Unsealed; got != int64(len(blobs)) {
			t.Errorf("%d are unsealed before, want %d", got, len(blobs))
		}
		for range 2 {
			if err := f.Reseal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.state(t).Unsealed; got != 0 {
			t.Errorf("%d are unsealed afterwards", got)
		}
		if got := f.SealingCounts().Resealed; got != int64(len(blobs)) {
			t.Errorf("%d are counted, want %d", got, len(blobs))
		}
		f.checkAll(t, blobs)
		f.serve(t, false)
		f.checkAll(t, blobs) // what is sealed is read with sealing off, too
	})
}

func TestResealAgainstRead(t *testing.T) {
	eachSealed(t, false, func(t *testing.T, f *sealedFixture) {
		blobs := f.putAll(t)
		f.serve(t, true)
		large := random(t, 300<<10)
		blobs[f.putBlob(t, app, large)] = large
		c, err := f.OpenBlob(t.Context(), app, digest.FromBytes(large).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		whileReading(t, f, blobs, func() {
			if err := f.Reseal(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, large) {
			t.Errorf("a reader from before gets %d bytes, %v", len(got), err)
		}
		f.checkAll(t, blobs)
	})
}

// whileReading runs work while others read all blobs.
func whileReading(t *testing.T, f *sealedFixture, blobs map[digest.Digest][]byte, work func()) {
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				for d, want := range blobs {
					c, err := f.OpenBlob(t.Context(), app, d.String())
					if err != nil {
						t.Errorf("open %d bytes: %v", len(want), err)
						return
					}
					got, err := io.ReadAll(c)
					c.Close()
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("read %d bytes: %d, %v", len(want), len(got), err)
						return
					}
				}
			}
		})
	}
	work()
	stop()
	readers.Wait()
}

func TestResealAgainstDeleteAndPush(t *testing.T) {
	eachSealed(t, false, func(t *testing.T, f *sealedFixture) {
		content := random(t, 100<<10)
		d := digest.FromBytes(content)
		for range 10 {
			f.serve(t, false)
			f.putBlob(t, app, content)
			f.serve(t, true)
			var all sync.WaitGroup
			all.Go(func() {
				if err := f.Reseal(t.Context()); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := f.DeleteBlob(t.Context(), app, d.String()); err != nil {
					t.Error(err)
				}
				f.putBlob(t, app, content)
			})
			all.Wait()
			if got := f.read(t, app, d); !bytes.Equal(got, content) {
				t.Fatal("other bytes come back")
			}
		}
	})
}

func TestRewrapAgainstRead(t *testing.T) {
	eachSealed(t, true, func(t *testing.T, f *sealedFixture) {
		blobs := f.putAll(t)
		before := f.files(t)
		whileReading(t, f, blobs, func() {
			for range 3 {
				if err := f.RotateSealingKey(t.Context()); err != nil {
					t.Error(err)
				}
				if err := f.Rewrap(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		if got := f.SealingCounts().Rewrapped; got != int64(3*len(blobs)) {
			t.Errorf("%d data keys were wrapped anew, want %d", got, 3*len(blobs))
		}
		after := f.files(t)
		for path, content := range before {
			if !bytes.Equal(after[path], content) {
				t.Errorf("%s was written again", path)
			}
		}
		f.checkAll(t, blobs)
	})
}

func TestAKeyIsRetiredWhenNothingDependsOnIt(t *testing.T) {
	eachSealed(t, true, func(t *testing.T, f *sealedFixture) {
		blobs := f.putAll(t)
		// An upload that is under way keeps the old key beyond the first look.
		late := random(t, 100<<10)
		id := f.start(t)
		f.appendPart(t, id, part(late[:70<<10]), 70<<10)

		old := f.state(t).Keys[0]
		if err := f.RotateSealingKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		rewrap := func() {
			t.Helper()
			if err := f.Rewrap(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		rewrap()
		wantCode(t, f.RetireSealingKey(t.Context(), old), registry.CodeSealingKey)
		if _, err := f.CompleteUpload(t.Context(), app, id, completion(late[70<<10:], digest.FromBytes(late))); err != nil {
			t.Fatal(err)
		}
		blobs[digest.FromBytes(late)] = late

		f.clock.advance(26 * time.Hour)
		rewrap()
		state := f.state(t)
		if !state.Rewrapped || state.Failed != 0 || !slices.Contains(state.Keys, old) {
			t.Fatalf("the state is %+v", state)
		}
		wantCode(t, f.RetireSealingKey(t.Context(), state.Keys[0]), registry.CodeSealingKey)
		wantCode(t, f.RetireSealingKey(t.Context(), "none"), registry.CodeSealingKey)
		if err := f.RetireSealingKey(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if got := f.state(t).Keys; len(got) != 1 || got[0] == old {
			t.Errorf("the keys are %v", got)
		}
		f.checkAll(t, blobs)
	})
}

func TestTwoUploadsOfOneDigestSealed(t *testing.T) {
	eachSealed(t, true, func(t *testing.T, f *sealedFixture) {
		for _, size := range []int{1000, 100 << 10} {
			content := random(t, size)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { f.putBlob(t, app, content) })
			}
			all.Wait()
			if got := f.read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
				t.Errorf("%d bytes come back as others", size)
			}
		}
		if got := f.files(t); len(got) != 1 {
			t.Errorf("%d files for one blob", len(got))
		}
	})
}
