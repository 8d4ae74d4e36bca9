package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

var (
	// ErrNoServer means that no server holds the data directory.
	ErrNoServer = errors.New("no server holds the data directory")
	// ErrServer means that a server holds it, and the operation's outcome is not known.
	ErrServer = fault.New(fault.Unavailable, "server_unavailable", "The running server did not answer; whether the operation was done is not known")
)

const dialTimeout = 5 * time.Second

// Client does operations through the socket of a running server.
type Client struct {
	http *http.Client
}

var _ Caller = (*Client)(nil)

// Dial returns a client of the server of the data directory, or ErrNoServer if no server runs on it.
func Dial(ctx context.Context, dir string) (*Client, error) {
	dial := func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = inDirectory(dir, SocketName, func(path string) error {
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
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// Close frees the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do asks the server.
func (c *Client) Do(ctx context.Context, req Request) (Answer, error) {
	address := url.URL{Scheme: "http", Host: "ostiary", Path: operationsPath + req.Operation}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(req.Input))
	if err != nil {
		return Answer{}, fmt.Errorf("asking for %s: %w", req.Operation, err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return Answer{}, ErrServer.Because(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return Answer{}, ErrUnknownOperation.Because(fmt.Errorf("the running server is of another version: it answered %s", answer.Status))
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return Answer{}, ErrServer.Because(err)
		}
		switch {
		case one.Failure != nil:
			return Answer{}, one.Failure.fault()
		case one.Output != nil:
			return Answer{one.Output}, nil
		case one.Progress != nil && req.Progress != nil:
			req.Progress(*one.Progress)
		}
	}
	return Answer{}, ErrServer.Because(fmt.Errorf("the answer broke off: %w", errors.Join(lines.Err(), net.ErrClosed)))
}
