package registry_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// blobSizes are contents that the database keeps, and ones that become files.
var blobSizes = map[string]int{"small": 100, "large": 100 << 10}

// eachInDirectory is each for tests that look at the files of blobs.
func eachInDirectory(t *testing.T, test func(t *testing.T, f fixture, directory string)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		directory, c := t.TempDir(), newClock()
		f := fixture{open(t, s, directory, c), s, c}
		f.create(t, app, registry.TagMutability{})
		test(t, f, directory)
	})
}

func countFiles(t *testing.T, directory string) (n int) {
	t.Helper()
	err := filepath.WalkDir(directory, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// holds reports whether a repository has a blob, and fails the test when it
// says so and cannot give the bytes.
func (f fixture) holds(t *testing.T, n registry.RepositoryName, content []byte) bool {
	t.Helper()
	d := digest.FromBytes(content)
	_, err := f.CheckBlob(t.Context(), n, d.String())
	if err != nil {
		wantCode(t, err, registry.CodeLayersNotFound)
		return false
	}
	if !bytes.Equal(f.read(t, n, d), content) {
		t.Fatal("the blob has other bytes")
	}
	return true
}

// TestTwoUploadsOfOneDigest: many at once, whole and in parts, all succeed, one
// of them made the blob, and its bytes are stored once.
func TestTwoUploadsOfOneDigest(t *testing.T) {
	eachInDirectory(t, func(t *testing.T, f fixture, directory string) {
		for size, length := range blobSizes {
			t.Run(size, func(t *testing.T) {
				before := countFiles(t, directory)
				const rounds = 5
				for range rounds {
					content := random(t, length)
					c := func() registry.Completion { return completion(content, digest.FromBytes(content)) }
					var made atomic.Int32
					count := func(completed registry.Completed, err error) {
						if err != nil {
							t.Error(err)
						}
						if !completed.Existed {
							made.Add(1)
						}
					}
					var wg sync.WaitGroup
					for range 3 {
						wg.Go(func() { count(f.PutBlob(t.Context(), app, c())) })
						wg.Go(func() {
							id := f.start(t)
							f.appendPart(t, id, part(content), int64(length))
							whole := c()
							whole.Part = registry.Part{}
							count(f.CompleteUpload(t.Context(), app, id, whole))
						})
					}
					wg.Wait()
					if made.Load() != 1 || !f.holds(t, app, content) {
						t.Errorf("%d uploads made the blob", made.Load())
					}
				}
				want := before
				if size == "large" {
					want += rounds
				}
				if got := countFiles(t, directory); got != want {
					t.Errorf("%d files, want %d", got, want)
				}
			})
		}
	})
}

// TestUploadAgainstBlobDelete: an upload of a digest that is being deleted. What
// is there afterwards has all its bytes, and a deletion that found nothing took
// nothing.
func TestUploadAgainstBlobDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		for size, length := range blobSizes {
			content := random(t, length)
			for range 15 {
				var deleted error
				var wg sync.WaitGroup
				wg.Go(func() { f.putBlob(t, app, content) })
				wg.Go(func() { deleted = f.DeleteBlob(t.Context(), app, digest.FromBytes(content).String()) })
				wg.Wait()
				if !refusedAs(deleted, registry.CodeLayersNotFound) {
					t.Fatal(deleted)
				}
				if !f.holds(t, app, content) && deleted != nil {
					t.Fatalf("%s: the upload and the deletion both say that the blob is there: %v", size, deleted)
				}
			}
		}
	})
}

// TestMountAgainstBlobDelete: a mount that succeeds gives the bytes, whatever
// becomes of the source's blob.
func TestMountAgainstBlobDelete(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		target := registry.RepositoryName{Registry: home, Name: "target"}
		f.create(t, target, registry.TagMutability{})
		for size, length := range blobSizes {
			for range 15 {
				content := random(t, length)
				d := f.putBlob(t, app, content).String()
				var mounted bool
				var wg sync.WaitGroup
				wg.Go(func() {
					var err error
					if mounted, err = f.MountBlob(t.Context(), target, app.Name, d); err != nil {
						t.Error(err)
					}
				})
				wg.Go(func() {
					if err := f.DeleteBlob(t.Context(), app, d); err != nil {
						t.Error(err)
					}
				})
				wg.Wait()
				if f.holds(t, app, content) {
					t.Fatalf("%s: the blob was deleted and is there", size)
				}
				if f.holds(t, target, content) != mounted {
					t.Fatalf("%s: mounted: %t, and the opposite is true", size, mounted)
				}
			}
		}
	})
}

// TestDeleteRepositoryAgainstUpload: an upload into a repository that is being
// deleted either came first and went with it, or is told so. A new repository
// of the name has nothing of it.
func TestDeleteRepositoryAgainstUpload(t *testing.T) {
	eachInDirectory(t, func(t *testing.T, f fixture, directory string) {
		for size, length := range blobSizes {
			t.Run(size, func(t *testing.T) {
				for range 15 {
					content := random(t, length)
					whole := completion(content, digest.FromBytes(content))
					before, id := countFiles(t, directory), f.start(t)
					var put, appended error
					var wg sync.WaitGroup
					wg.Go(func() { _, put = f.PutBlob(t.Context(), app, whole) })
					wg.Go(func() { _, appended = f.AppendUpload(t.Context(), app, id, part(content)) })
					wg.Go(func() {
						if _, err := f.DeleteRepository(t.Context(), app, false, actor); err != nil {
							t.Error(err)
						}
					})
					wg.Wait()
					if !refusedAs(put, registry.CodeRepositoryNotFound) || !refusedAs(appended, registry.CodeRepositoryNotFound) {
						t.Fatal(put, appended)
					}
					f.create(t, app, registry.TagMutability{})
					if f.holds(t, app, content) {
						t.Fatal("the new repository has the old one's blob")
					}
					_, err := f.UploadSize(t.Context(), app, id)
					wantCode(t, err, registry.CodeUploadNotFound)
					if kept := countFiles(t, directory) - before; put != nil && appended != nil && kept != 0 {
						t.Errorf("nothing was taken and %d files are left", kept)
					}
				}
			})
		}
	})
}

// TestDeleteRepositoryAgainstMount: into the repository that goes, and out of it.
func TestDeleteRepositoryAgainstMount(t *testing.T) {
	each(t, func(t *testing.T, f fixture) {
		other := registry.RepositoryName{Registry: home, Name: "other"}
		f.create(t, other, registry.TagMutability{})
		for _, source := range []registry.RepositoryName{app, other} {
			target := other
			if source == other {
				target = app
			}
			for round := range 15 {
				content := fmt.Appendf(nil, "from %s, %d", source.Name, round)
				d := f.putBlob(t, source, content).String()
				var mounted bool
				var err error
				var wg sync.WaitGroup
				wg.Go(func() { mounted, err = f.MountBlob(t.Context(), target, source.Name, d) })
				wg.Go(func() {
					if _, err := f.DeleteRepository(t.Context(), app, false, actor); err != nil {
						t.Error(err)
					}
				})
				wg.Wait()
				if !refusedAs(err, registry.CodeRepositoryNotFound) || err != nil && target == other {
					t.Fatal(err)
				}
				f.create(t, app, registry.TagMutability{})
				if want := mounted && target == other; f.holds(t, target, content) != want {
					t.Fatalf("mounted into %s: %t, and the opposite is true", target.Name, mounted)
				}
			}
		}
	})
}
