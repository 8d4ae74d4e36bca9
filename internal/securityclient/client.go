// Package securityclient is a client of the Security API for the operations that the command line uses. The types and
// the operations are generated from the OpenAPI document: run go generate ./adapters/securityapi.
package securityclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// base is an address of the API. The transport decides which server it is.
const base = "http://ostiary/api/v1/security"

// linesType is the media type of the response of a long operation: JSON values, one per line.
const linesType = "application/x-ndjson"

// Client calls the API through a transport.
type Client struct {
	transport http.RoundTripper
	onLine    func(member string, value json.RawMessage)
}

// New returns a client of the server behind the transport. The transport adds credentials if the server needs any.
func New(transport http.RoundTripper) *Client { return &Client{transport: transport} }

// WithLines returns a client that calls onLine with every line of a long operation before its result, such as
// {"progress":…}.
func (c *Client) WithLines(onLine func(member string, value json.RawMessage)) *Client {
	return &Client{transport: c.transport, onLine: onLine}
}

// Error is a response of the API that is not a success, or a transport failure as a response with the status 503.
type Error struct {
	Status  int           `json:"-"`
	Code    string        `json:"error"`
	Message string        `json:"message"`
	Details []ErrorDetail `json:"details"`
	Cause   string        `json:"cause"` // for the operator only; may be empty
}

// Error returns the message and the cause.
func (e *Error) Error() string {
	if e.Cause == "" {
		return e.Message
	}
	return e.Message + ": " + e.Cause
}

// ParseError returns the error of a response.
func ParseError(status int, body []byte) *Error {
	e := &Error{Status: status}
	if err := json.Unmarshal(body, e); err != nil || e.Code == "" {
		return &Error{
			Status: status, Code: "unknown_response",
			Message: fmt.Sprintf("The server answered with the status %d", status),
		}
	}
	if e.isUnknown() {
		e.Status, e.Code = http.StatusNotImplemented, "version_mismatch"
		e.Message = "The running server is of another version and does not have this operation: restart it"
	}
	return e
}

// isUnknown reports whether the server does not know the route, a parameter or a field, which a server of the same
// version does.
func (e *Error) isUnknown() bool {
	switch e.Status {
	case http.StatusNotFound:
		return e.Message == "Not found"
	case http.StatusMethodNotAllowed:
		return true
	case http.StatusBadRequest:
		for _, d := range e.Details {
			if d.Reason == "is not a known field" || d.Reason == "is not a known parameter" {
				return true
			}
		}
	}
	return false
}

func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, out any) error {
	response, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.Header.Get("Content-Type") == linesType {
		return c.readLines(response.Body, out)
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return unavailable(err)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("decoding the response to %s %s: %w", method, path, err)
	}
	return nil
}

// readLines reads the response of a long operation, whose last line is the result or an error.
func (c *Client) readLines(from io.Reader, out any) error {
	lines := json.NewDecoder(from)
	for {
		var raw json.RawMessage
		var line map[string]json.RawMessage
		if err := lines.Decode(&raw); err != nil {
			return unavailable(fmt.Errorf("the response broke off: %w", err))
		}
		if err := json.Unmarshal(raw, &line); err != nil {
			return unavailable(err)
		}
		if result, ok := line["result"]; ok {
			return json.Unmarshal(result, out)
		}
		if text, ok := line["status"]; ok {
			status, err := strconv.Atoi(string(text))
			if err != nil {
				return unavailable(err)
			}
			return ParseError(status, raw)
		}
		for member, value := range line {
			if c.onLine != nil {
				c.onLine(member, value)
			}
		}
	}
}

// send returns a successful response; any other is an Error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	address := base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	content, contentType, err := encoded(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "ostiary command line")
	request.Header.Set("Accept", "application/json, "+linesType)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, unavailable(err)
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, unavailable(err)
	}
	return nil, ParseError(response.StatusCode, raw)
}

// encoded returns the content of a body and its media type. A reader has lines.
func encoded(body any) (content io.Reader, contentType string, err error) {
	switch body := body.(type) {
	case nil:
		return http.NoBody, "", nil
	case io.Reader:
		return body, linesType, nil
	default:
		raw, err := json.Marshal(body)
		return bytes.NewReader(raw), "application/json", err
	}
}

func unavailable(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return cause
	}
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "server_unavailable",
		Message: "The running server did not answer; it is unknown whether the operation was done", Cause: cause.Error(),
	}
}

// pathOf returns a path with its parameters escaped.
func pathOf(format string, params ...string) string {
	for _, p := range params {
		format = strings.Replace(format, "%s", url.PathEscape(p), 1)
	}
	return format
}

// setQuery sets a parameter unless it is nil.
func setQuery[T any](q url.Values, name string, value *T) {
	if value != nil {
		q.Set(name, fmt.Sprint(*value))
	}
}
