//go:build unix

package sqlitestore

import (
	"syscall"
	"testing"
)

// A child process that was forked and has not executed its program yet has a duplicate of the lock file.
func TestReleasedLockIsFreeWhileAForkedChildHasTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	duplicate, err := syscall.Dup(int(lock.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(duplicate) })
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}
