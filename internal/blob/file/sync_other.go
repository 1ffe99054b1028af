//go:build !windows

package file

import "os"

func syncDirectory(dir *os.File) error { return dir.Sync() }
