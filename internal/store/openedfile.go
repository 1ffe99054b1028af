package store

import (
	"errors"
	"os"
	"time"
)

// An openedFile is the database file as it was opened. SQLite goes on reading
// and writing a file that was removed or moved, and acknowledges what the next
// process will not find.
type openedFile struct {
	*os.File // stays open as long as SQLite has it: closing it would end SQLite's locks
	path     string
	info     os.FileInfo
	checked  time.Time
}

// Writes check the file again after this time.
const fileCheckInterval = time.Second

// openPrivate makes the database file readable by its owner alone; SQLite gives
// the files beside it the same mode.
func openPrivate(path string) (*openedFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &openedFile{File: f, path: path, info: info}, nil
}

// Close does nothing the second time.
func (f *openedFile) Close() error {
	if err := f.File.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// intact returns an error when the file is no longer where it was opened.
func (f *openedFile) intact() error {
	there, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if !os.SameFile(f.info, there) {
		return errors.New("the database file was replaced while it was in use")
	}
	return nil
}

// intactLately is intact for the one goroutine that writes, at most once in
// fileCheckInterval.
func (f *openedFile) intactLately() error {
	if time.Since(f.checked) < fileCheckInterval {
		return nil
	}
	if err := f.intact(); err != nil {
		return err
	}
	f.checked = time.Now()
	return nil
}
