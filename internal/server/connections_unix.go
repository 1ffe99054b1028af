//go:build unix

package server

import "syscall"

// maxConnections is half of the files that the process may have open, less what
// it needs for itself: a connection may ask for a file.
func maxConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return defaultConnections
	}
	return max(leastConnections, int(min(uint64(limit.Cur), mostFiles)-min(uint64(limit.Cur), ownFiles))/2) //nolint:unconvert // its type differs between systems
}

const (
	ownFiles           = 256
	mostFiles          = 1 << 20
	leastConnections   = 64
	defaultConnections = 8192
)
