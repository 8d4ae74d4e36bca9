package controlsocket

import (
	"fmt"
	"os"
	"path/filepath"
)

// Name is the name of the socket in the data directory.
const Name = "control.sock"

// maxSocketPath is the longest path that every system can bind; Linux has 108 bytes, BSD 104.
const maxSocketPath = 103

// withPath calls use with a path to the socket in dir that is short enough to bind. If dir itself is too long, Linux
// reaches it through an open file.
func withPath(dir string, use func(path string) error) (err error) {
	path := filepath.Join(dir, Name)
	if len(path) <= maxSocketPath {
		return use(path)
	}
	handle, err := os.Open(dir) //nolint:gosec // the operator names the data directory
	if err != nil {
		return fmt.Errorf("opening the directory of the control socket: %w", err)
	}
	defer func() {
		if closed := handle.Close(); err == nil {
			err = closed
		}
	}()
	short := fmt.Sprintf("/proc/self/fd/%d/%s", handle.Fd(), Name)
	if _, err := os.Stat(filepath.Dir(short)); err != nil {
		return fmt.Errorf("the control socket's path is longer than %d bytes: choose a shorter data_dir: %w", maxSocketPath,
			err)
	}
	return use(short)
}
