package sqlitestore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// lockName is the name of the lock file of a data directory.
const lockName = "ostiary.lock"

// ErrInUse means that another process has locked the data directory. Its cause names the process.
var ErrInUse = fault.New(fault.Unavailable, "data_directory_in_use", "The data directory is in use by another process")

// dirLock is the lock of a data directory.
type dirLock struct{ file *os.File }

// lockDir locks the directory for this process. Releasing the lock does not delete the file, because two processes
// could then lock two files of the same name.
func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the configuration's
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	taken, err := tryLock(file)
	if err == nil && taken {
		return &dirLock{file}, writePID(file)
	}
	holder, _ := io.ReadAll(io.LimitReader(file, 20)) // only for the error message
	_ = file.Close()
	if err != nil {
		return nil, fmt.Errorf("locking the data directory %s: %w", dir, err)
	}
	return nil, ErrInUse.Because(fmt.Errorf("%s, pid %s", dir, strings.TrimSpace(string(holder))))
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("locking the data directory: %w", err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("locking the data directory: %w", err)
	}
	return nil
}

func (l *dirLock) release() error {
	if l == nil {
		return nil
	}
	return errors.Join(unlock(l.file), l.file.Close())
}
