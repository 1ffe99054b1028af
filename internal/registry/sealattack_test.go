package registry_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/datakeys"
	"github.com/nifuda/nifuda/internal/keyring"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// An upload to which something comes again and again outlives the time after
// which none is expected from before a rotation.
func TestAnUploadThatOutlivesARotationCanBeReadWithoutTheOldKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		source, err := keyring.ParseSource("file:"+filepath.Join(t.TempDir(), "seal-keys"), nil)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := keyring.Open(t.Context(), source, true)
		if err != nil {
			t.Fatal(err)
		}
		keys, c := datakeys.New(datakeys.Options{Ring: ring, Seal: true}), newClock()
		f := fixture{openWith(t, s, t.TempDir(), c, func(o *registry.Options) { o.Keys, o.SealingKeys = keys, keys }), s, c}
		f.create(t, app, registry.TagMutability{})
		content := bytes.Repeat([]byte("slow "), 40<<10)
		const step = 70 << 10
		old, id := ring.Current(), f.start(t)
		f.appendPart(t, id, part(content[:step]), step)
		if err := f.RotateSealingKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.Rewrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(20 * time.Hour)
		f.appendPart(t, id, part(content[step:2*step]), 2*step)
		f.clock.advance(20 * time.Hour)
		if err := f.Rewrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := digest.FromBytes(content)
		if _, err := f.CompleteUpload(t.Context(), app, id, completion(content[2*step:], d)); err != nil {
			t.Fatal(err)
		}
		if err := f.RetireSealingKey(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if got := f.read(t, app, d); !bytes.Equal(got, content) {
			t.Error("the blob comes back as another")
		}
	})
}
