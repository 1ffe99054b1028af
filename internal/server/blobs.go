package server

import (
	"strings"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
)

// openBlobs opens the store that the settings name.
func (s *server) openBlobs() (blob.Store, error) {
	dir := strings.TrimPrefix(s.Config.Blobs, "file:")
	if err := s.lock(dir); err != nil {
		return nil, err
	}
	blobs, err := file.Open(dir)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, blobs.Close)
	return blobs, nil
}
