package console

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// SocketName is the socket's name in the data directory.
const SocketName = "control.sock"

const socketMode fs.FileMode = 0o600

// maxSocketPath is what fits into sockaddr_un on every system; Linux has 108 bytes, BSD 104.
const maxSocketPath = 103

// inDirectory calls use with a path to name in dir that is short enough for a socket. Where dir itself is too long, Linux
// reaches it through an open file.
func inDirectory(dir, name string, use func(path string) error) (err error) {
	path := filepath.Join(dir, name)
	if len(path) <= maxSocketPath {
		return use(path)
	}
	handle, err := os.Open(dir) //nolint:gosec // the data directory is the operator's to name
	if err != nil {
		return fmt.Errorf("opening the folder of the control socket: %w", err)
	}
	defer func() {
		if closed := handle.Close(); err == nil {
			err = closed
		}
	}()
	short := fmt.Sprintf("/proc/self/fd/%d/%s", handle.Fd(), name)
	if _, err := os.Stat(filepath.Dir(short)); err != nil {
		return fmt.Errorf("the control socket's path is longer than %d bytes: choose a shorter data_dir: %w", maxSocketPath, err)
	}
	return use(short)
}
