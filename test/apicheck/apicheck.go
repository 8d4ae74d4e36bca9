// Package apicheck holds requests and answers against the OpenAPI document, so that a handler that drifts from it fails
// a test.
package apicheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Checker checks against one document.
type Checker struct {
	Document *openapi3.T

	base string
}

// New returns a checker of a document whose own examples and references are right.
func New(ctx context.Context, raw []byte) (*Checker, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(ctx, openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	return &Checker{Document: document, base: document.Servers[0].URL}, nil
}

// Operation is one operation of the document, with the server's path before its own.
type Operation struct {
	Method string
	Path   string // as a template, in full
	Access string // x-access
	// SocketOnly is x-socket-only: the operation is on the control socket alone.
	SocketOnly bool
}

// Operations lists all.
func (c *Checker) Operations() []Operation {
	var all []Operation
	for path, item := range c.Document.Paths.Map() {
		for method, operation := range item.Operations() {
			access, _ := operation.Extensions["x-access"].(string)
			socketOnly, _ := operation.Extensions["x-socket-only"].(bool)
			all = append(all, Operation{Method: method, Path: c.full(path, item), Access: access, SocketOnly: socketOnly})
		}
	}
	return all
}

func (c *Checker) full(path string, item *openapi3.PathItem) string {
	if len(item.Servers) > 0 {
		return strings.TrimSuffix(item.Servers[0].URL, "/") + path
	}
	return c.base + path
}

// ErrUnknown is a request that the document does not have.
var ErrUnknown = errors.New("not in the document")

// Check checks one exchange. The request is checked where it was taken (a status under 400), the answer always.
func (c *Checker) Check(ctx context.Context, req *http.Request, sent []byte, status int, header http.Header,
	body []byte,
) error {
	input, err := c.input(req, sent)
	if err != nil {
		return err
	}
	if status < http.StatusBadRequest && !alsoAccepted(input) {
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	return checkAnswer(ctx, input, status, header, body)
}

// CheckAnswer checks the answer of an exchange alone, for an API that takes more than its document says.
func (c *Checker) CheckAnswer(ctx context.Context, req *http.Request, status int, header http.Header,
	body []byte,
) error {
	input, err := c.input(req, nil)
	if err != nil {
		return err
	}
	return checkAnswer(ctx, input, status, header, body)
}

// alsoAccepted reports whether the body has a media type of x-also-accepts, which the document has no schema for.
func alsoAccepted(input *openapi3filter.RequestValidationInput) bool {
	body := input.Route.Operation.RequestBody
	if body == nil {
		return false
	}
	kind, _, _ := strings.Cut(input.Request.Header.Get("Content-Type"), ";")
	more, _ := body.Value.Extensions["x-also-accepts"].([]any)
	return slices.Contains(more, any(strings.TrimSpace(kind)))
}

func checkAnswer(ctx context.Context, input *openapi3filter.RequestValidationInput, status int, header http.Header,
	body []byte,
) error {
	if status >= http.StatusBadRequest {
		if err := checkCode(input.Route.Operation, status, body); err != nil {
			return err
		}
	}
	if err := checkHeaders(input.Route.Operation, status, header); err != nil {
		return err
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header, Options: options,
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		answer.Options = withoutBody
	}
	answer.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(ctx, answer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// checkHeaders returns an error for a header of the answer that clients act on and that the document does not have.
func checkHeaders(operation *openapi3.Operation, status int, header http.Header) error {
	response := operation.Responses.Status(status)
	if response == nil || response.Value == nil {
		return nil // the status itself is reported
	}
	for _, name := range []string{"Location", "ETag", "Retry-After", "WWW-Authenticate", "Idempotency-Replayed"} {
		if header.Get(name) != "" && response.Value.Headers[name] == nil {
			return fmt.Errorf("answer: the document does not have the header %s for %d", name, status)
		}
	}
	return nil
}

// checkCode holds the code of a failure against those that the operation names for the status, where it names any.
func checkCode(operation *openapi3.Operation, status int, body []byte) error {
	listed, ok := operation.Extensions["x-error-codes"].(map[string]any)
	if !ok {
		return nil
	}
	var failure struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &failure); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	codes, _ := listed[strconv.Itoa(status)].([]any)
	if !slices.Contains(codes, any(failure.Error)) {
		return fmt.Errorf("answer: the code %q is not one of %v, which the document has for %d", failure.Error, codes, status)
	}
	return nil
}

var (
	options = &openapi3filter.Options{
		IncludeResponseStatus: true,
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	}
	withoutBody = &openapi3filter.Options{
		IncludeResponseStatus: true, ExcludeResponseBody: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
)

func (c *Checker) input(req *http.Request, sent []byte) (*openapi3filter.RequestValidationInput, error) {
	var found *openapi3filter.RequestValidationInput
	for path, item := range c.Document.Paths.Map() {
		operation := item.GetOperation(req.Method)
		params, ok := match(c.full(path, item), req.URL)
		// a literal segment beats a parameter
		if operation == nil || !ok || found != nil && len(found.PathParams) <= len(params) {
			continue
		}
		clone := req.Clone(req.Context())
		clone.Body = io.NopCloser(bytes.NewReader(sent))
		clone.ContentLength = int64(len(sent))
		found = &openapi3filter.RequestValidationInput{
			Request: clone, PathParams: params, Options: options,
			Route: &routers.Route{Spec: c.Document, Path: path, PathItem: item, Method: req.Method, Operation: operation},
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, ErrUnknown)
	}
	return found, nil
}

// match compares a path with a template, segment by segment.
func match(template string, u *url.URL) (map[string]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(u.EscapedPath(), "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i := range want {
		name, isParam := strings.CutPrefix(want[i], "{")
		if !isParam {
			if want[i] != have[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(have[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

// Of a body with one JSON value per line, the first value is checked.
var _ = func() bool {
	first := func(
		body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn,
	) (value any, err error) {
		err = json.NewDecoder(body).Decode(&value)
		return value, err
	}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", first)
	return true
}()
