package file_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/nifuda/nifuda/internal/blob/file"
)

// A backup copies several blobs at once into directories that are not there yet.
func TestMakeDirByManyAtOnce(t *testing.T) {
	for range 50 {
		directory := filepath.Join(t.TempDir(), "blobs", "72")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := file.MakeDir(directory); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
