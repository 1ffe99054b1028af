package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/nifuda/nifuda/internal/blob"
)

// walkBatch is how many names of a directory are in memory at a time.
const walkBatch = 256

// Walk visits the finished objects, directory by directory. Files that are no
// objects are passed over.
func (s *Store) Walk(ctx context.Context, visit func(blob.Object) error) error {
	return s.eachEntry(ctx, ".", func(dir fs.DirEntry) error {
		if !dir.IsDir() || len(dir.Name()) != 2 {
			return nil
		}
		return s.eachEntry(ctx, dir.Name(), func(entry fs.DirEntry) error {
			o, ok, err := objectOf(dir.Name(), entry)
			if err != nil || !ok {
				return err
			}
			return visit(o)
		})
	})
}

// objectOf returns the object that an entry of a directory is, if it is one.
func objectOf(dir string, entry fs.DirEntry) (o blob.Object, ok bool, err error) {
	location := blob.Location(path.Join(dir, entry.Name()))
	if !validLocation(location) || !entry.Type().IsRegular() {
		return blob.Object{}, false, nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return blob.Object{}, false, nil // removed since the listing
	}
	if err != nil {
		return blob.Object{}, false, fmt.Errorf("look at blob: %w", err)
	}
	return blob.Object{Location: location, Digest: digestOf(location), Size: info.Size(), ModTime: info.ModTime()}, true, nil
}

func (s *Store) eachEntry(ctx context.Context, name string, do func(fs.DirEntry) error) error {
	dir, err := s.disk.open(name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(walkBatch)
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(entry); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
	}
}
