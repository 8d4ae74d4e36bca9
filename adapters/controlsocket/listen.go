package controlsocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Listen opens the socket in the data directory. It creates the directory if neither the store nor the keys are in it,
// and replaces a socket that a crash left: the caller owns the data directory. Closing the listener removes the socket.
func Listen(ctx context.Context, dir string) (net.Listener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	opened, err := listen(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("listening on the control socket: %w", err)
	}
	return &listener{opened, filepath.Join(dir, Name)}, nil
}

// listen binds the socket in a directory that is inaccessible to other users and renames it when its mode is set: at no
// moment can another user connect.
func listen(ctx context.Context, dir string) (net.Listener, error) {
	private, err := os.MkdirTemp(dir, ".control-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	var opened net.Listener
	err = withPath(private, func(path string) error {
		opened, err = (&net.ListenConfig{}).Listen(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if l, ok := opened.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // it is renamed below
	}
	bound := filepath.Join(private, Name)
	if err := os.Chmod(bound, 0o600); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	if err := os.Rename(bound, filepath.Join(dir, Name)); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

type listener struct {
	net.Listener

	path string
}

// Close removes the socket and stops accepting.
func (l *listener) Close() error {
	err := os.Remove(l.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.Listener.Close())
}
