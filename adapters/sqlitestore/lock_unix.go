//go:build unix

package sqlitestore

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks the file for this process, or reports that another process has locked it. The kernel releases the lock
// when the process ends for any reason.
func tryLock(file *os.File) (taken bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
