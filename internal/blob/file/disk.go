package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A disk is what the store asks of the operating system. Names are relative to
// the store's directory, with '/' between their parts.
type disk interface {
	open(name string, flag int) (handle, error)
	rename(from, to string) error
	remove(name string) error
	// intact returns an error when the directory is no longer where it was
	// opened: what is written then is lost to the next process.
	intact() error
	// ensureDir makes a directory of finished objects exist durably.
	ensureDir(name string) error
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
type rootDisk struct {
	path string
	root *os.Root
	// durable has the names of the directories in root that a power cut leaves.
	durable *sync.Map
}

func (d rootDisk) open(name string, flag int) (handle, error) {
	f, err := d.root.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err // a nil *os.File in a handle would not be nil
	}
	return f, nil
}

func (d rootDisk) rename(from, to string) error { return d.root.Rename(from, to) }

func (d rootDisk) remove(name string) error { return d.root.Remove(name) }

func (d rootDisk) intact() error {
	opened, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	there, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, there) {
		return errors.New("the directory was moved or replaced while it was in use")
	}
	return nil
}

func (d rootDisk) ensureDir(name string) error {
	if _, ok := d.durable.Load(name); ok {
		return nil
	}
	if err := d.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := d.syncDir("."); err != nil {
		return err
	}
	d.durable.Store(name, true)
	return nil
}

func (d rootDisk) syncDir(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDirectory(dir), dir.Close())
}

func (d rootDisk) close() error { return d.root.Close() }

// openRoot opens a directory and makes what it lacks. Of the directories of
// finished objects each is made when the first object comes.
func openRoot(dir string) (rootDisk, error) {
	if err := MakeDir(dir); err != nil {
		return rootDisk{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return rootDisk{}, err
	}
	d := rootDisk{dir, root, new(sync.Map)}
	if err := d.adopt(); err != nil {
		return rootDisk{}, errors.Join(err, root.Close())
	}
	return d, nil
}

// adopt makes durable what is there: who made it may have died before its sync.
func (d rootDisk) adopt() error {
	if err := d.root.Mkdir(uploads, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	top, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer top.Close()
	names, err := top.Readdirnames(-1)
	if err != nil {
		return err
	}
	if err := syncDirectory(top); err != nil {
		return err
	}
	for _, name := range names {
		d.durable.Store(name, true)
	}
	return nil
}

// MakeDir makes a directory and its parents, readable by nobody else, such that
// a power cut leaves them.
func MakeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	parent := filepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := MakeDir(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) { // another was faster
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDirectory(f), f.Close())
}
