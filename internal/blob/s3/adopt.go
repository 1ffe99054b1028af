package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/nifuda/nifuda/internal/blob"
)

// OpenStored returns the bytes at a location as the bucket has them, sealed or
// not, or [blob.ErrNotFound].
func (s *Store) OpenStored(ctx context.Context, location blob.Location) (io.ReadCloser, error) {
	return s.Open(ctx, location, nil, 0)
}

// Adopt puts bytes, as OpenStored of another store gave them, at the location
// that they had there, wholly or not at all. It replaces what is there.
func (s *Store) Adopt(ctx context.Context, location blob.Location, content io.Reader) error {
	if !validLocation(location) {
		return fmt.Errorf("adopt %q: %w", location, errBadLocation)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("adopt blob: %w", err)
	}
	w := s.newWriter(ctx, id)
	w.location = location
	_, err = io.Copy(w, content)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.finish(ctx)
	}
	w.keep = err == nil
	if err := errors.Join(err, w.end(ctx)); err != nil {
		return fmt.Errorf("adopt blob: %w", err)
	}
	return nil
}
