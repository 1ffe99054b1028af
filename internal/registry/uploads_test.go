package registry_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func part(content []byte) registry.Part {
	return registry.Part{Length: -1, Body: bytes.NewReader(content)}
}

func at(offset int64, content []byte) registry.Part {
	p := part(content)
	p.First = &offset
	return p
}

func (f fixture) start(t testing.TB) string {
	t.Helper()
	id, err := f.StartUpload(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f fixture) appendPart(t testing.TB, id string, p registry.Part, want int64) {
	t.Helper()
	if size, err := f.AppendUpload(t.Context(), app, id, p); err != nil || size != want {
		t.Fatalf("append: size %d, %v, want %d", size, err, want)
	}
}

// sizes are around what is kept in the database and what goes to a file.
var sizes = []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3 << 20}

func TestBlobRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for _, size := range sizes {
			content := random(t, size)
			for _, d := range []digest.Digest{digest.FromBytes(content), digest.SHA512.FromBytes(content)} {
				done, err := f.PutBlob(t.Context(), app, completion(content, d))
				if err != nil || done.Existed || done.Digest != d.String() || done.Size != int64(size) {
					t.Fatalf("put %d bytes: %+v, %v", size, done, err)
				}
				if got := f.read(t, app, d); !bytes.Equal(got, content) {
					t.Errorf("%d bytes came back as %d others", size, len(got))
				}
				if b, err := f.CheckBlob(t.Context(), app, d.String()); err != nil || b.Size != int64(size) {
					t.Errorf("check of %d bytes: %+v, %v", size, b, err)
				}
			}
		}
	})
}

func TestUploadInParts(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for _, size := range []int{10, 64 << 10, 100 << 10, 300 << 10} {
			content := random(t, size)
			id := f.start(t)
			third := size / 3
			f.appendPart(t, id, part(content[:third]), int64(third))
			f.appendPart(t, id, at(int64(third), content[third:2*third]), int64(2*third))
			if got, err := f.UploadSize(t.Context(), app, id); err != nil || got != int64(2*third) {
				t.Errorf("size %d, %v, want %d", got, err, 2*third)
			}
			_, err := f.CompleteUpload(t.Context(), app, id, registry.Completion{Part: at(int64(2*third), content[2*third:]), Digests: []string{digest.FromBytes(content).String()}})
			if err != nil {
				t.Fatal(err)
			}
			if got := f.read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
				t.Errorf("%d bytes in parts came back otherwise", size)
			}
		}
	})
}

func TestUploadKnowsItsOffset(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		id := f.start(t)
		f.appendPart(t, id, part([]byte("hello")), 5)
		for _, first := range []int64{0, 4, 6} {
			_, err := f.AppendUpload(t.Context(), app, id, at(first, []byte("x")))
			if refusal := wantCode(t, err, registry.CodeInvalidLayerPart); refusal.LastValidByte != 4 {
				t.Errorf("last valid byte is %d, want 4", refusal.LastValidByte)
			}
		}
		f.appendPart(t, id, at(5, []byte(" world")), 11)
	})
}

func TestUploadContinuesAfterABrokenConnection(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for _, size := range []int{100, 200 << 10} {
			content := random(t, size)
			id := f.start(t)
			broken := errors.New("connection reset")
			body := io.MultiReader(bytes.NewReader(content[:size/2]), iotest.ErrReader(broken))
			if _, err := f.AppendUpload(t.Context(), app, id, registry.Part{Length: int64(size), Body: body}); !errors.Is(err, broken) {
				t.Fatalf("got %v, want the body's error", err)
			}
			got, err := f.UploadSize(t.Context(), app, id)
			if err != nil || got != int64(size/2) {
				t.Fatalf("after the break the upload has %d bytes, %v, want %d", got, err, size/2)
			}
			f.appendPart(t, id, at(got, content[got:]), int64(size))
			if _, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestUploadContinuesAfterARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		dir, c := t.TempDir(), newClock()
		f := fixture{open(t, s, dir, c), s, c}
		f.create(t, app, registry.TagMutability{})
		for _, size := range []int{100, 200 << 10} {
			content := random(t, size)
			id := f.start(t)
			f.appendPart(t, id, part(content[:size/2]), int64(size/2))
			f.Registry = open(t, s, dir, c)
			f.appendPart(t, id, part(content[size/2:]), int64(size))
			f.Registry = open(t, s, dir, c)
			if _, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
				t.Fatal(err)
			}
			if got := f.read(t, app, digest.FromBytes(content)); !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back otherwise", size)
			}
		}
	})
}

func TestUploadWithAnotherDigestIsRefusedAndStays(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for _, size := range []int{100, 200 << 10} {
			content := random(t, size)
			id := f.start(t)
			f.appendPart(t, id, part(content), int64(size))
			_, err := f.CompleteUpload(t.Context(), app, id, completion([]byte("more"), digest.FromString("other")))
			wantCode(t, err, registry.CodeInvalidLayer)
			if got, err := f.UploadSize(t.Context(), app, id); err != nil || got != int64(size) {
				t.Errorf("the upload has %d bytes, %v, want %d", got, err, size)
			}
			if _, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(content))); err != nil {
				t.Errorf("the right digest afterwards: %v", err)
			}
		}
	})
}

func TestUploadTakesAnyOfSeveralDigests(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for _, size := range []int{100, 200 << 10} {
			content := random(t, size)
			want := digest.FromBytes(content)
			done, err := f.PutBlob(t.Context(), app, completion(content, digest.FromString("other"), want))
			if err != nil || done.Digest != want.String() {
				t.Errorf("got %+v, %v", done, err)
			}
		}
	})
}

func TestUploadIDEndsWithItsUpload(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		end := map[string]func(id string) error{
			"completed": func(id string) error {
				_, err := f.CompleteUpload(t.Context(), app, id, completion([]byte("content"), digest.FromString("content")))
				return err
			},
			"canceled": func(id string) error { return f.CancelUpload(t.Context(), app, id) },
			"canceled after some bytes": func(id string) error {
				f.appendPart(t, id, part(random(t, 100<<10)), 100<<10)
				return f.CancelUpload(t.Context(), app, id)
			},
			"expired": func(string) error { f.clock.advance(25 * time.Hour); return nil },
		}
		for name, end := range end {
			id := f.start(t)
			if _, err := f.UploadSize(t.Context(), other, id); err == nil {
				t.Error("the id is good in another repository")
			}
			if err := end(id); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, err := f.UploadSize(t.Context(), app, id)
			wantCode(t, err, registry.CodeUploadNotFound)
			_, err = f.AppendUpload(t.Context(), app, id, part([]byte("x")))
			wantCode(t, err, registry.CodeUploadNotFound)
			_, err = f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromString("content")))
			wantCode(t, err, registry.CodeUploadNotFound)
			wantCode(t, f.CancelUpload(t.Context(), app, id), registry.CodeUploadNotFound)
		}
	})
}

func TestForgedUploadIDsAreUnknown(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		id := f.start(t)
		last := map[byte]string{'0': "1"}[id[len(id)-1]]
		if last == "" {
			last = "0"
		}
		for _, forged := range []string{"", "x", "00000000-0000-0000-0000-000000000000", id[:len(id)-1] + last, "{" + id + "}", "../" + id, "\x00", "\xff"} {
			_, err := f.UploadSize(t.Context(), app, forged)
			wantCode(t, err, registry.CodeUploadNotFound)
		}
	})
}

func TestEmptyUpload(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		c := completion(nil, digest.FromString(""))
		c.AllowEmpty = false
		id := f.start(t)
		_, err := f.CompleteUpload(t.Context(), app, id, c)
		wantCode(t, err, registry.CodeEmptyUpload)
	})
}

func TestSmallPartsAreRefusedWhereTheyMatter(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		content := random(t, 5<<20+10)
		complete := func(cut int) error {
			id := f.start(t)
			f.appendPart(t, id, part(content[:cut]), int64(cut))
			f.appendPart(t, id, part(content[cut:]), int64(len(content)))
			c := completion(nil, digest.FromBytes(content))
			c.MinPartSize = 5 << 20
			_, err := f.CompleteUpload(t.Context(), app, id, c)
			return err
		}
		wantCode(t, complete(10), registry.CodeLayerPartTooSmall)
		if err := complete(5 << 20); err != nil {
			t.Errorf("a small last part: %v", err)
		}
	})
}

func TestConcurrentPartsOfOneUploadDoNotMix(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		id := f.start(t)
		contents := [][]byte{random(t, 1<<20), random(t, 1<<20), random(t, 1<<20)}
		errs := make([]error, len(contents))
		var wg sync.WaitGroup
		for i, content := range contents {
			wg.Go(func() { _, errs[i] = f.AppendUpload(t.Context(), app, id, at(0, content)) })
		}
		wg.Wait()
		winners := 0
		for i, err := range errs {
			if err != nil {
				wantCode(t, err, registry.CodeInvalidLayerPart)
				continue
			}
			winners++
			if _, err := f.CompleteUpload(t.Context(), app, id, completion(nil, digest.FromBytes(contents[i]))); err != nil {
				t.Errorf("the winner's bytes: %v", err)
			}
		}
		if winners != 1 {
			t.Errorf("%d parts were taken at offset 0", winners)
		}
	})
}

func TestIdenticalBlobsAreStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		dir, c := t.TempDir(), newClock()
		f := fixture{open(t, s, dir, c), s, c}
		content := random(t, 200<<10)
		var wg sync.WaitGroup
		for _, name := range []string{"a1", "a2", "a3", "a4", "a5"} {
			n := registry.RepositoryName{Registry: home, Name: name}
			f.create(t, n, registry.TagMutability{})
			wg.Go(func() {
				if _, err := f.PutBlob(t.Context(), n, completion(content, digest.FromBytes(content))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var files []string
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		if err != nil || len(files) != 1 {
			t.Errorf("5 repositories hold %v, %v, want one file", files, err)
		}
		done, err := f.PutBlob(t.Context(), registry.RepositoryName{Registry: home, Name: "a1"}, completion(content, digest.FromBytes(content)))
		if err != nil || !done.Existed {
			t.Errorf("the same blob again: %+v, %v, want it to have existed", done, err)
		}
	})
}

func TestUploadIntoADeletedRepository(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		id := f.start(t)
		f.appendPart(t, id, part(random(t, 100<<10)), 100<<10)
		if _, err := f.DeleteRepository(t.Context(), app, false, actor); err != nil {
			t.Fatal(err)
		}
		_, err := f.AppendUpload(t.Context(), app, id, part([]byte("x")))
		wantCode(t, err, registry.CodeRepositoryNotFound)
		f.create(t, app, registry.TagMutability{})
		_, err = f.UploadSize(t.Context(), app, id)
		wantCode(t, err, registry.CodeUploadNotFound)
	})
}

func TestSweepEndsForgottenUploads(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		dir, c := t.TempDir(), newClock()
		f := fixture{open(t, s, dir, c), s, c}
		f.create(t, app, registry.TagMutability{})
		old := f.start(t)
		f.appendPart(t, old, part(random(t, 100<<10)), 100<<10)
		f.clock.advance(20 * time.Hour)
		young := f.start(t)
		f.appendPart(t, young, part(random(t, 100<<10)), 100<<10)
		f.clock.advance(5 * time.Hour)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := f.UploadSize(t.Context(), app, old)
		wantCode(t, err, registry.CodeUploadNotFound)
		f.appendPart(t, young, part([]byte("x")), 100<<10+1)
		if files, err := os.ReadDir(filepath.Join(dir, "uploads")); err != nil || len(files) != 1 {
			t.Errorf("the uploads on disk are %v, %v, want the young one", files, err)
		}
	})
}

func TestBlobOfAnotherRepositoryIsMounted(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		d := f.putBlob(t, app, []byte("content")).String()
		if _, err := f.CheckBlob(t.Context(), other, d); err == nil {
			t.Error("a blob is visible in a repository that does not hold it")
		}
		if sources, err := f.BlobSources(t.Context(), home, d); err != nil || len(sources) != 1 || sources[0] != "app" {
			t.Errorf("sources are %v, %v", sources, err)
		}
		for source, want := range map[string]bool{"missing": false, "app": true} {
			if mounted, err := f.MountBlob(t.Context(), other, source, d); err != nil || mounted != want {
				t.Errorf("mount from %s: %v, %v, want %v", source, mounted, err, want)
			}
		}
		if got := f.read(t, other, digest.Digest(d)); string(got) != "content" {
			t.Errorf("the mounted blob reads %q", got)
		}
		_, err := f.MountBlob(t.Context(), registry.RepositoryName{Registry: home, Name: "missing"}, "app", d)
		wantCode(t, err, registry.CodeRepositoryNotFound)
	})
}

func TestBlobIsDeletedUnlessInUse(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		payload := f.image(t, app, "one")
		used, unused := digest.FromString("layer one").String(), f.putBlob(t, app, []byte("unused")).String()
		f.push(t, app, payload, "v1")
		wantCode(t, f.DeleteBlob(t.Context(), app, used), registry.CodeLayerReferenced)
		if err := f.BlobReferenced(t.Context(), app, used); err != nil {
			t.Error(err)
		}
		wantCode(t, f.BlobReferenced(t.Context(), app, unused), registry.CodeLayerInaccessible)
		if err := f.DeleteBlob(t.Context(), app, unused); err != nil {
			t.Error(err)
		}
		wantCode(t, f.DeleteBlob(t.Context(), app, unused), registry.CodeLayersNotFound)
		wantCode(t, f.BlobReferenced(t.Context(), app, unused), registry.CodeLayersNotFound)
	})
}
