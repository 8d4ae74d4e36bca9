//go:build unix

package sqlitestore

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file for this process, or reports that another has it. The kernel gives it back however the process ends.
func tryLock(file *os.File) (taken bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
