package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// checksMode says whether the modes of files mean anything on this system.
const checksMode = runtime.GOOS != "windows"

// CreateFile writes a file that must not exist yet. It returns [fs.ErrExist] when
// it does, also when somebody else makes it at the same moment.
func CreateFile(path string, content []byte) error {
	return place(path, content, func(temporary string) error {
		err := os.Link(temporary, path)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
		return os.Rename(temporary, path) // a file system without hard links
	})
}

// ReplaceFile writes a file, in the place of the one that may be there.
func ReplaceFile(path string, content []byte) error {
	return place(path, content, func(temporary string) error { return os.Rename(temporary, path) })
}

// place brings content to disk under a temporary name, lets publish give it the
// right one, and brings that to disk too.
func place(path string, content []byte, publish func(temporary string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // what publish has moved is no longer there
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := publish(f.Name()); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// CheckPrivate refuses a file that anybody but its owner may read or write,
// except on Windows.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); checksMode && mode&0o077 != 0 {
		return fmt.Errorf("%s is open to others than its owner (mode %04o): run chmod 600 on it", path, mode)
	}
	return nil
}

// syncDir makes the names in a directory durable. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
