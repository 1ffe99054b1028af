package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve gives the file so many bytes on the disk.
func reserve(f *os.File, size int64) error {
	return os.NewSyscallError("fallocate", unix.Fallocate(int(f.Fd()), 0, 0, size))
}

// freeSpace is what a process without privileges may write below a directory.
func freeSpace(directory string) (int64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(directory, &s)
	return int64(s.Bavail) * s.Bsize, err
}
