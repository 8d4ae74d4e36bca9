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

// unlock releases the lock. Closing the file is not enough while a child process that was just forked still has it.
func unlock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
