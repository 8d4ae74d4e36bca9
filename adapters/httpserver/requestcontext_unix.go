//go:build unix

package httpserver

import (
	"errors"
	"syscall"
)

// isOpen reports whether the other end of the socket is open. An orderly end shows as nothing to read, a reset as an
// error.
func isOpen(fd uintptr) bool {
	var ahead [1]byte
	n, _, err := syscall.Recvfrom(int(fd), ahead[:], syscall.MSG_PEEK)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	}
	return n > 0
}
