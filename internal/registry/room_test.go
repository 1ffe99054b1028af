package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/diskspace"
	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestPushesEndBeforeTheReserve(t *testing.T) {
	var room int64 // bytes
	s, c, dir := storetest.SQLite(t), newClock(), t.TempDir()
	f := fixture{openWith(t, s, dir, c, func(o *registry.Options) {
		o.UndeleteWindow = time.Hour
		o.Room = func(bytes int64) error {
			if room -= bytes; room <= 0 {
				return fmt.Errorf("%w: none is left", diskspace.ErrReserved)
			}
			return nil
		}
	}), s, c}
	room = 1 << 30
	f.create(t, app, registry.TagMutability{})
	payload := f.image(t, app, "one")
	image := f.push(t, app, payload, "v1")
	large := f.putBlob(t, app, random(t, 1<<20))
	id := f.start(t)
	f.appendPart(t, id, part([]byte("some")), 4)

	room = 0
	small := random(t, 10)
	for name, push := range map[string]func() error{
		"start":  func() error { _, err := f.StartUpload(t.Context(), app); return err },
		"append": func() error { _, err := f.AppendUpload(t.Context(), app, id, part(small)); return err },
		"complete": func() error {
			_, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromString("some")))
			return err
		},
		"put": func() error {
			_, err := f.PutBlob(t.Context(), app, completion(small, digest.FromBytes(small)))
			return err
		},
		"mount": func() error { _, err := f.MountBlob(t.Context(), app, "app", large.String()); return err },
		"image": func() error {
			_, err := f.PutImage(t.Context(), registry.NewImage{Repository: app, Payload: payload, Tags: []string{"v2"}, Actor: actor})
			return err
		},
	} {
		if err := push(); !registry.IsStorageFull(err) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// What reads and what makes space goes on.
	if size, err := f.UploadSize(t.Context(), app, id); err != nil || size != 4 {
		t.Errorf("the status of the upload: %d, %v", size, err)
	}
	if got := f.read(t, app, large); len(got) != 1<<20 {
		t.Errorf("a pull reads %d bytes", len(got))
	}
	f.delete(t, app, image.Digest)
	f.restore(t, registry.ImageRestoration{Repository: app, Digest: image.Digest, Actor: actor})
	if err := f.DeleteBlob(t.Context(), app, large.String()); err != nil {
		t.Errorf("the deletion of a layer: %v", err)
	}

	room = 1 << 30
	if _, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromString("some"))); err != nil {
		t.Errorf("with space again the upload goes on: %v", err)
	}
}

func TestALargePushEndsBeforeTheReserve(t *testing.T) {
	room := int64(6 << 20)
	s, c, dir := storetest.SQLite(t), newClock(), t.TempDir()
	f := fixture{openWith(t, s, dir, c, func(o *registry.Options) {
		o.Room = func(bytes int64) error {
			if room -= bytes; room <= 0 {
				return diskspace.ErrReserved
			}
			return nil
		}
	}), s, c}
	f.create(t, app, registry.TagMutability{})
	content := random(t, 20<<20)
	source := bytes.NewReader(content)
	_, err := f.PutBlob(t.Context(), app, registry.Completion{Part: registry.Part{Length: -1, Body: source}, Digests: []string{digest.FromBytes(content).String()}})
	if !registry.IsStorageFull(err) || source.Len() < 10<<20 {
		t.Errorf("%d bytes were not read: %v", source.Len(), err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "uploads")); err != nil || len(files) > 0 {
		t.Errorf("it left %v, %v", files, err)
	}
}

// A failed sync costs an upload what was saved of it; its status must not say
// otherwise.
func TestAnUploadWhoseFileIsGoneIsOver(t *testing.T) {
	s, c, dir := storetest.SQLite(t), newClock(), t.TempDir()
	f := fixture{open(t, s, dir, c), s, c}
	f.create(t, app, registry.TagMutability{})
	id := f.start(t)
	f.appendPart(t, id, part(random(t, 100<<10)), 100<<10)
	if err := fs.WalkDir(os.DirFS(dir), "uploads", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Remove(filepath.Join(dir, name))
	}); err != nil {
		t.Fatal(err)
	}
	_, err := f.UploadSize(t.Context(), app, id)
	if refused, ok := errors.AsType[*registry.Error](err); !ok || refused.Code != registry.CodeUploadNotFound {
		t.Errorf("its status: %v", err)
	}
}
