package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"github.com/nifuda/nifuda/internal/blob/file"
)

// A target keeps files by name, with '/' between the parts of a name.
type target interface {
	// put makes a file, wholly or not at all; it is durable after the next flush.
	put(ctx context.Context, name string, content io.Reader) error
	// open returns a file, or an error that is fs.ErrNotExist.
	open(ctx context.Context, name string) (io.ReadCloser, error)
	// list visits all files in a directory and those below it.
	list(ctx context.Context, directory string, visit func(name string, size int64) error) error
	remove(ctx context.Context, name string) error
	flush(ctx context.Context) error
	// lock keeps other backups away until unlock or the end of the process.
	lock() (unlock func() error, err error)
	// scratch is a directory for what is of no use later.
	scratch() string
}

// openTarget returns the target at s3://… or in a directory.
func openTarget(ctx context.Context, where string) (target, error) {
	if strings.HasPrefix(where, "s3://") {
		return openBucket(ctx, where)
	}
	if scheme, _, ok := strings.Cut(where, "://"); ok {
		return nil, fmt.Errorf("%s://: want a directory, or s3://bucket/prefix", scheme)
	}
	return directory{strings.TrimPrefix(where, "file:"), map[string]bool{}, new(sync.Mutex)}, nil
}

// A directory is a target on a disk.
type directory struct {
	path    string
	changed map[string]bool // directories whose names are not synced
	mu      *sync.Mutex
}

func (d directory) full(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

func (d directory) put(ctx context.Context, name string, content io.Reader) (err error) {
	if !fs.ValidPath(name) {
		return fmt.Errorf("malformed name %q", name)
	}
	full := d.full(name)
	if err := file.MakeDir(filepath.Dir(full)); err != nil {
		return err
	}
	unfinished, err := os.CreateTemp(filepath.Dir(full), unfinishedPrefix)
	if err != nil {
		return err
	}
	_, err = io.Copy(unfinished, content)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = unfinished.Sync()
	}
	err = errors.Join(err, unfinished.Close())
	if err == nil {
		err = os.Rename(unfinished.Name(), full)
	}
	if err != nil {
		return errors.Join(err, os.Remove(unfinished.Name()))
	}
	d.mu.Lock()
	d.changed[filepath.Dir(full)] = true
	d.mu.Unlock()
	return nil
}

// unfinishedPrefix begins the names of files that are no files of the target.
const unfinishedPrefix = ".unfinished-"

func (d directory) open(_ context.Context, name string) (io.ReadCloser, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("malformed name %q", name)
	}
	f, err := os.Open(d.full(name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d directory) list(ctx context.Context, name string, visit func(name string, size int64) error) error {
	root := d.full(name)
	return filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if full == root && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), unfinishedPrefix) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(d.path, full)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(relative), info.Size())
	})
}

func (d directory) remove(_ context.Context, name string) error {
	if err := os.Remove(d.full(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d directory) flush(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.changed {
		opened, err := os.Open(name)
		if err != nil {
			return err
		}
		_ = opened.Sync() // not every system can
		if err := opened.Close(); err != nil {
			return err
		}
	}
	clear(d.changed)
	return nil
}

func (d directory) lock() (func() error, error) {
	if err := file.MakeDir(d.path); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(d.path, "lock"), flock.SetPermissions(0o600))
	locked, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", d.path, err)
	}
	if !locked {
		return nil, errors.Join(fmt.Errorf("%s is in use by another backup", d.path), l.Close())
	}
	return l.Close, nil
}

func (d directory) scratch() string { return d.path }
