//go:build !linux

package file

// startWriteback does nothing: the sync at the end writes everything.
func startWriteback(handle, int64, int64) {}
