//go:build unix

package file_test

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used so far, in and outside the kernel.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
