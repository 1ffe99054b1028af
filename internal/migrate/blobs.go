package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/nifuda/nifuda/internal/blob"
	"github.com/nifuda/nifuda/internal/blob/file"
	"github.com/nifuda/nifuda/internal/blob/open"
	"github.com/nifuda/nifuda/internal/seal"
	"github.com/nifuda/nifuda/internal/store"
)

// blobStore is what a move asks of a blob store.
type blobStore interface {
	Walk(ctx context.Context, visit func(blob.Object) error) error
	OpenStored(ctx context.Context, location blob.Location) (io.ReadCloser, error)
	Adopt(ctx context.Context, location blob.Location, content io.Reader) error
	Close() error
}

// openSource does not make the directory that a mistyped setting names.
func (m *move) openSource(ctx context.Context) (blobStore, error) {
	if directory, ok := strings.CutPrefix(m.From.Blobs, "file:"); ok {
		if _, err := os.Stat(directory); err != nil {
			return nil, fmt.Errorf("source blobs: %w", err)
		}
	}
	from, err := open.Store(ctx, m.From.Blobs, open.Options{Log: m.Log})
	if err != nil {
		return nil, fmt.Errorf("source blobs: %w", err)
	}
	m.closing(from.Close)
	return from, nil
}

// openTarget keeps servers away from a directory. A bucket has no lock.
func (m *move) openTarget(ctx context.Context) (blobStore, error) {
	if directory, ok := strings.CutPrefix(m.To.Blobs, "file:"); ok {
		if err := file.MakeDir(directory); err != nil {
			return nil, fmt.Errorf("target blobs: %w", err)
		}
		if from, ok := strings.CutPrefix(m.From.Blobs, "file:"); ok && sameFile(from, directory) {
			return nil, fmt.Errorf("blobs: %w", ErrNothingToMove)
		}
		lock := flock.New(filepath.Join(directory, "lock"), flock.SetPermissions(0o600))
		locked, err := lock.TryLock()
		if err == nil && !locked {
			err = fmt.Errorf("%s is in use by another nifuda", directory)
		}
		if err != nil {
			return nil, fmt.Errorf("target blobs: %w", errors.Join(err, lock.Close()))
		}
		m.closing(lock.Close)
	}
	to, err := open.Store(ctx, m.To.Blobs, open.Options{Log: m.Log})
	if err != nil {
		return nil, fmt.Errorf("target blobs: %w", err)
	}
	m.closing(to.Close)
	return to, nil
}

// openBlobs opens the blob stores and finds which blobs the target lacks.
func (m *move) openBlobs(ctx context.Context) (err error) {
	if !m.blobs {
		return nil
	}
	if m.from, err = m.openSource(ctx); err != nil {
		return err
	}
	if m.to, err = m.openTarget(ctx); err != nil {
		return err
	}
	m.lacking, err = m.missing(ctx)
	return err
}

// copyBlobs copies the blobs that the target lacks.
func (m *move) copyBlobs(ctx context.Context) error {
	c := &copying{move: m}
	if err := m.forEach(ctx, "copied", m.lacking, c.copy); err != nil {
		return err
	}
	if err := m.hold.Check(ctx); err != nil {
		return fmt.Errorf("blobs may have been removed while they were copied: %w", err)
	}
	return nil
}

// missing returns the blobs that the target lacks. It has wholly what it has.
func (m *move) missing(ctx context.Context) (missing []store.BlobFile, err error) {
	have := map[string]bool{}
	err = m.to.Walk(ctx, func(o blob.Object) error {
		if m.database && !m.begun {
			return fmt.Errorf("the new blob store %w", store.ErrNotEmpty)
		}
		have[string(o.Location)] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the target: %w", err)
	}
	for _, b := range m.files {
		if have[b.Location] {
			delete(have, b.Location)
			continue
		}
		missing = append(missing, b)
	}
	m.Unneeded = int64(len(have))
	if known := len(m.files) - len(missing); len(have) > 100 && len(have) > known {
		return nil, fmt.Errorf("the new blob store has %d objects of this registry and %d others: it %w", known, len(have), store.ErrNotEmpty)
	}
	return missing, nil
}

// forEach does something to blobs, several at the same time, and tells how far it is.
func (m *move) forEach(ctx context.Context, what string, blobs []store.BlobFile, do func(context.Context, store.BlobFile) error) error {
	p := &meter{what: what, started: time.Now(), tell: m.Progress}
	for _, b := range blobs {
		p.all.add(b)
	}
	stop := p.run()
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, m.Parallel))
	for _, b := range blobs {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			defer p.count(b)
			return do(ctx, b)
		})
	}
	return group.Wait()
}

// A copying is the copying of blobs.
type copying struct {
	*move
	found  atomic.Bool // some blob at the source
	absent atomic.Int64
}

// mostAbsent is how many blobs may be missing at the source when none was found.
const mostAbsent = 10

func (c *copying) copy(ctx context.Context, b store.BlobFile) error {
	key, err := c.key(ctx, b)
	if err != nil {
		return err
	}
	reader, err := c.from.OpenStored(ctx, blob.Location(b.Location))
	if errors.Is(err, blob.ErrNotFound) && !c.found.Load() && c.absent.Add(1) > mostAbsent {
		return errors.New("the blob store of the source has none of the blobs that its database knows: is it the right one, and mounted?")
	}
	if err != nil {
		return c.damaged(b, err)
	}
	defer reader.Close()
	c.found.Store(true)
	checked := newChecked(ctx, reader, b, key)
	defer checked.close()
	err = errors.Join(c.point(), c.to.Adopt(ctx, blob.Location(b.Location), checked), c.point())
	if checked.failed != nil {
		return c.damaged(b, checked.failed)
	}
	if err != nil {
		return fmt.Errorf("copy blob %s: %w", b.Digest, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Copied.add(b)
	if checked.checks() {
		c.Checked.add(b)
	} else {
		c.Unopened++
	}
	return nil
}

// key returns the key of a sealed blob, or nil if it is not sealed or its key is
// not to be had: that of a customer may be disabled.
func (m *move) key(ctx context.Context, b store.BlobFile) (*seal.Key, error) {
	if !b.Sealed || m.openKey == nil {
		return nil, nil
	}
	key, err := m.openKey(ctx, b.Domain, b.Sealing)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, nil // which is counted
	}
	return key, nil
}

// damaged notes a blob that the source does not have as it was pushed. Any other
// failure ends the pass: the next one goes on.
func (m *move) damaged(b store.BlobFile, reason error) error {
	if !isDamage(reason) {
		return fmt.Errorf("read blob %s: %w", b.Digest, reason)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Damaged = append(m.Damaged, Damage{Digest: b.Digest, Location: b.Location, Reason: reason.Error()})
	return nil
}

func isDamage(err error) bool {
	for _, damage := range []error{blob.ErrNotFound, errWrongBytes, seal.ErrDamaged, seal.ErrNoHeader, syscall.EIO} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}

// verify reads every blob of the target. What the source has damaged is not there.
func (m *move) verify(ctx context.Context) error {
	to := m.to
	if !m.blobs {
		opened, err := m.openSource(ctx) // which stay where they are
		if err != nil {
			return err
		}
		to = opened
	}
	lacking := map[string]bool{}
	for _, d := range m.Damaged {
		lacking[d.Location] = true
	}
	var files []store.BlobFile
	for _, b := range m.files {
		if !lacking[b.Location] {
			files = append(files, b)
		}
	}
	return m.forEach(ctx, "verified", files, func(ctx context.Context, b store.BlobFile) error {
		key, err := m.key(ctx, b)
		if err != nil {
			return err
		}
		reader, err := to.OpenStored(ctx, blob.Location(b.Location))
		if err != nil {
			return fmt.Errorf("blob %s in the target: %w", b.Digest, err)
		}
		defer reader.Close()
		checked := newChecked(ctx, reader, b, key)
		defer checked.close()
		if _, err := io.Copy(io.Discard, checked); err != nil {
			return fmt.Errorf("blob %s in the target: %w", b.Digest, err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.Verified.add(b)
		return nil
	})
}
