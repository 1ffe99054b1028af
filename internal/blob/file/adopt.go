package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/blob"
)

// OpenStored returns the bytes at a location as they are on the disk, sealed or
// not, or [blob.ErrNotFound].
func (s *Store) OpenStored(ctx context.Context, location blob.Location) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !validLocation(location) {
		return nil, fmt.Errorf("open %q: %w: %w", location, errBadLocation, blob.ErrNotFound)
	}
	f, err := s.disk.open(string(location), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %q: %w", location, blob.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Adopt puts bytes, as OpenStored of another store gave them, at the location
// that they had there, durably or not at all. It replaces what is there.
func (s *Store) Adopt(ctx context.Context, location blob.Location, content io.Reader) error {
	if !validLocation(location) {
		return fmt.Errorf("adopt %q: %w", location, errBadLocation)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("adopt blob: %w", err)
	}
	name := uploadPath(id.String())
	if err := s.fill(ctx, name, content); err != nil {
		return errors.Join(fmt.Errorf("adopt blob: %w", err), s.discard(name))
	}
	dir := path.Dir(string(location))
	err = s.disk.ensureDir(dir)
	if err == nil {
		err = s.disk.rename(name, string(location))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("adopt blob: %w", err), s.discard(name))
	}
	if err := s.disk.syncDir(dir); err != nil {
		return fmt.Errorf("adopt blob: %w", err)
	}
	return nil
}

// fill makes a file of content and syncs it.
func (s *Store) fill(ctx context.Context, name string, content io.Reader) error {
	f, err := s.disk.open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *Store) discard(name string) error {
	if err := s.disk.remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
