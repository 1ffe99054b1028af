package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
)

// pingInterval is how long one answer of the disk serves every Ping.
const pingInterval = time.Second

// Ping writes, syncs and removes a small file, so that a full, read-only, broken
// or replaced disk shows. It does so at most once a second; in between it repeats the
// last answer. A disk that hangs costs one goroutine, however often it is asked.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case answer := <-s.probes.DoChan("", s.cachedProbe):
		return answer.Err
	case <-ctx.Done():
		return fmt.Errorf("ping blob directory: %w", ctx.Err())
	}
}

// cachedProbe runs in one goroutine at a time.
func (s *Store) cachedProbe() (any, error) {
	if !s.probed.IsZero() && s.now().Sub(s.probed) < pingInterval {
		return nil, s.probeErr
	}
	s.probeErr = s.probe()
	s.probed = s.now()
	return nil, s.probeErr
}

// probe uses the name of an upload, so that what a crash leaves behind is swept
// like any abandoned upload.
func (s *Store) probe() error {
	if err := s.disk.intact(); err != nil {
		return fmt.Errorf("ping blob directory: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("ping blob directory: %w", err)
	}
	name := uploadPath(id.String())
	f, err := s.disk.open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("ping blob directory: %w", err)
	}
	_, err = f.Write([]byte("ping"))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close(), s.disk.remove(name)); err != nil {
		return fmt.Errorf("ping blob directory: %w", err)
	}
	return nil
}
