package server

import (
	"context"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/open"
)

// openBlobs opens the store that the settings name. A directory is locked: its
// store may be that of one process alone.
func (s *server) openBlobs(ctx context.Context) (blob.Store, error) {
	if directory, ok := open.FilePath(s.Config.Blobs); ok {
		if err := s.lock(directory); err != nil {
			return nil, err
		}
	}
	blobs, err := open.Store(ctx, s.Config.Blobs, open.Options{Metrics: s.metrics, Log: s.Log})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, blobs.Close)
	return blobs, nil
}
