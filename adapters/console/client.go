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

	"github.com/ostiary/ostiary/core/fault"
)

// ErrServer means that a server owns the directory, and the operation's outcome is not known.
var ErrServer = fault.New(fault.Unavailable, "server_unavailable", "The running server did not answer; whether the operation was done is not known")

// Client does operations through a transport.
type Client struct {
	http *http.Client
}

var _ Caller = (*Client)(nil)

// NewClient returns a client of the server behind the transport.
func NewClient(transport http.RoundTripper) *Client {
	return &Client{&http.Client{Transport: transport}}
}

// Do asks the server.
func (c *Client) Do(ctx context.Context, req Request) (Answer, error) {
	address := url.URL{Scheme: "http", Host: "ostiary", Path: operationsPath + req.Operation}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(req.Input))
	if err != nil {
		return Answer{}, fmt.Errorf("asking for %s: %w", req.Operation, err)
	}
	r.Header.Set("Content-Type", "application/json")
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
