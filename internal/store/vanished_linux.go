package store

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// noticeVanished has a connection end when what was sent is not acknowledged for
// so long; without it the kernel repeats itself for a quarter of an hour.
func noticeVanished(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(vanishedAfter.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
