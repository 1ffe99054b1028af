package file

import "os"

// syncDirectory does nothing: Windows cannot flush a directory, and NTFS
// journals its names.
func syncDirectory(*os.File) error { return nil }
