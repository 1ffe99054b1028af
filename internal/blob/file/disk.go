package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A disk is what the store asks of the operating system. Names are relative to
// the store's directory, with '/' between their parts.
type disk interface {
	open(name string, flag int) (handle, error)
	rename(from, to string) error
	remove(name string) error
	// syncDir makes the names in a directory durable.
	syncDir(name string) error
	close() error
}

// A handle is what the store uses of an [os.File].
type handle interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.Closer
	ReadDir(n int) ([]fs.DirEntry, error)
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// rootDisk confines every access to one directory, symbolic links included.
type rootDisk struct{ root *os.Root }

func (d rootDisk) open(name string, flag int) (handle, error) {
	f, err := d.root.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err // a nil *os.File in a handle would not be nil
	}
	return f, nil
}

func (d rootDisk) rename(from, to string) error { return d.root.Rename(from, to) }

func (d rootDisk) remove(name string) error { return d.root.Remove(name) }

func (d rootDisk) syncDir(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDirectory(dir), dir.Close())
}

func (d rootDisk) close() error { return d.root.Close() }

// openRoot opens a directory and makes what it lacks.
func openRoot(dir string) (*os.Root, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := makeLayout(root); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// makeDir makes a directory and its parents durably.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	parent := filepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDirectory(f), f.Close())
}

// makeLayout makes the directories that are missing. The sync happens even when
// none is: whoever made them may have died before its own.
func makeLayout(root *os.Root) error {
	top, err := root.Open(".")
	if err != nil {
		return err
	}
	defer top.Close()
	names, err := top.Readdirnames(-1)
	if err != nil {
		return err
	}
	missing := layout()
	for _, name := range names {
		delete(missing, name)
	}
	for name := range missing {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return syncDirectory(top)
}

// layout is the set of the directories of a store.
func layout() map[string]struct{} {
	const hex = "0123456789abcdef"
	names := map[string]struct{}{uploads: {}}
	for _, high := range hex {
		for _, low := range hex {
			names[string([]rune{high, low})] = struct{}{}
		}
	}
	return names
}
