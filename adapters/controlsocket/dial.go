package controlsocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// ErrNoServer means that no server owns the data directory.
var ErrNoServer = errors.New("no server owns the data directory")

const dialTimeout = 5 * time.Second

// Dial returns a transport to the server that owns the data directory, or ErrNoServer if no server runs on it.
func Dial(ctx context.Context, dir string) (*http.Transport, error) {
	dial := func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = withPath(dir, func(path string) error {
			conn, err = (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", path)
			return err
		})
		return conn, err
	}
	conn, err := dial(ctx, "", "")
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoServer // no socket, or one that a crash left
	case errors.Is(err, os.ErrPermission):
		return nil, fault.New(fault.Unavailable, "server_unavailable",
			"The data directory belongs to another user: run the command as the user of the service").Because(err)
	case err != nil:
		return nil, fault.New(fault.Unavailable, "server_unavailable", "The running server cannot be reached").Because(err)
	}
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("trying the control socket: %w", err)
	}
	return transport(dial), nil
}

func transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, DisableCompression: true}
}
