package file

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback asks the kernel to begin writing a range to the disk, so that
// the sync at the end finds little left to do. It is a hint: whether the bytes
// arrived is what the sync tells, and a range that is merely started leaves its
// errors to it.
func startWriteback(h handle, offset, n int64) {
	if f, ok := h.(*os.File); ok {
		_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
	}
}
