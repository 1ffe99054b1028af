//go:build linux || darwin || freebsd

package diskspace

import "golang.org/x/sys/unix"

// available returns how many bytes a process without privileges may write below
// a path. A file system without a size, such as one over a network may be, does
// not know.
func available(path string) (bytes int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil || s.Blocks == 0 {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true //nolint:unconvert // their types differ between systems
}
