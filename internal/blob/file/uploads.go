package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/nifuda/nifuda/internal/blob"
)

// uploads is the directory of unfinished objects.
const uploads = "uploads"

func uploadPath(id string) string { return path.Join(uploads, id) }

// Saved looks for the file of a saved upload.
func (s *Store) Saved(ctx context.Context, state []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := decodeState(state)
	if err != nil {
		return fmt.Errorf("look for upload: %w", err)
	}
	if st.size == 0 {
		return nil // it has no file
	}
	f, err := s.disk.open(uploadPath(st.id.String()), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for upload %s: %w", st.id, blob.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("look for upload %s: %w", st.id, err)
	}
	return f.Close()
}

// RemoveUploads removes the unfinished objects that nobody has written to since
// olderThan, and returns how many. It spares those that have a [blob.Writer].
// Files that are no uploads stay.
func (s *Store) RemoveUploads(ctx context.Context, olderThan time.Time) (int, error) {
	dir, err := s.disk.open(uploads, os.O_RDONLY)
	if err != nil {
		return 0, fmt.Errorf("list uploads: %w", err)
	}
	defer dir.Close()
	removed := 0
	for {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			gone, err := s.removeUpload(entry, olderThan)
			if err != nil {
				return removed, fmt.Errorf("remove upload %s: %w", entry.Name(), err)
			}
			if gone {
				removed++
			}
		}
		if errors.Is(err, io.EOF) {
			return removed, nil
		}
		if err != nil {
			return removed, fmt.Errorf("list uploads: %w", err)
		}
	}
}

// removeUpload claims the upload for as long as it looks, so that no Resume can
// come between the look and the removal.
func (s *Store) removeUpload(entry fs.DirEntry, olderThan time.Time) (bool, error) {
	id := entry.Name()
	if !validID(id) || !s.claim(id) {
		return false, nil
	}
	defer s.release(id)
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // committed or aborted since the listing
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || !info.ModTime().Before(olderThan) {
		return false, nil
	}
	err = s.disk.remove(uploadPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// claim reserves an upload for one writer. It returns false if it has one.
func (s *Store) claim(id string) bool {
	_, taken := s.writing.LoadOrStore(id, struct{}{})
	return !taken
}

func (s *Store) release(id string) { s.writing.Delete(id) }
