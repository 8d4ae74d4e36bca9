package httpserver

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Request is one request on its way through the server, and the answer that is being made. It belongs to its handler
// and must not be kept beyond it; the strings that it hands out may be.
type Request struct {
	// Origin is where it came from; its RequestID is what answer, log and audit entry share.
	Origin domain.Origin
	// Principal is who it acts as: anonymous on a public route.
	Principal domain.Principal

	c     *fiber.Ctx
	ctx   context.Context //nolint:containedctx // it lives exactly as long as the request that it belongs to
	mount *mount
	fault *fault.Error // what the answer reports, for the log
}

// Context returns the request's context. It ends with the handler's time limit.
func (r *Request) Context() context.Context { return r.ctx }

// Credential returns the one credential that was sent, or "".
func (r *Request) Credential() (string, error) { return r.mount.api.Credential(r) }

// Param returns a path parameter, decoded once. Mounting has seen to it that it holds nothing that a path could hide:
// no slash, no control character, no further escape.
func (r *Request) Param(name string) string {
	value, _ := decodeParam(r.c.Params(name)) // it was checked before the handler ran
	return value
}

// Header returns a request header; empty where it is absent.
func (r *Request) Header(name string) string { return strings.Clone(r.c.Get(name)) }

func (r *Request) headers(name string) []string {
	var all []string
	for _, v := range r.c.Request().Header.PeekAll(name) {
		all = append(all, string(v))
	}
	return all
}

// Query decodes the query string.
func (r *Request) Query() (Query, error) {
	raw := r.c.Request().URI().QueryString()
	if len(raw) == 0 {
		return Query{}, nil
	}
	return ParseQuery(string(raw))
}

// Path returns the path as it was sent.
func (r *Request) Path() string { return strings.Clone(r.c.Path()) }

// HasBody reports whether a body was sent.
func (r *Request) HasBody() bool { return len(r.c.BodyRaw()) > 0 }

// Body returns a copy of the body as it was sent.
func (r *Request) Body() []byte { return append([]byte(nil), r.c.BodyRaw()...) }

// Decode reads the JSON body into the struct that into points to; see DecodeJSON for what it refuses.
func (r *Request) Decode(into any) error { return DecodeJSON(r.c.BodyRaw(), into) }

// DecodeOptional is Decode, but leaves into as it is when there is no body.
func (r *Request) DecodeOptional(into any) error {
	if !r.HasBody() {
		return nil
	}
	return r.Decode(into)
}

// SetHeader sets a header of the answer.
func (r *Request) SetHeader(name, value string) { r.c.Set(name, value) }

// RateLimit shows what is left of a limit: RateLimit-Limit, -Remaining and -Reset (seconds). No limit shows nothing.
func (r *Request) RateLimit(state domain.RateState) {
	if state.Limit <= 0 {
		return
	}
	r.c.Set("RateLimit-Limit", itoa(state.Limit))
	r.c.Set("RateLimit-Remaining", itoa(max(0, state.Remaining)))
	r.c.Set("RateLimit-Reset", itoa(ceilSeconds(state.Reset)))
}

// JSON answers with a status and a body.
func (r *Request) JSON(status int, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fault.ErrInternal.Because(err)
	}
	return r.Raw(status, "application/json; charset=utf-8", raw)
}

// Created answers 201 with the path of what was made.
func (r *Request) Created(location string, body any) error {
	r.c.Set(fiber.HeaderLocation, location)
	return r.JSON(fiber.StatusCreated, body)
}

// Raw answers with bytes as they are.
func (r *Request) Raw(status int, contentType string, body []byte) error {
	r.c.Status(status).Set(fiber.HeaderContentType, contentType)
	return r.c.Send(body)
}

const maxParam = 256

// decodeParam undoes the escapes of one path segment, once, and refuses what could turn it into another path, another
// key or another line.
func decodeParam(raw string) (string, bool) {
	value, err := url.PathUnescape(raw)
	if err != nil || value == "" || value == "." || value == ".." || len(value) > maxParam || !utf8.ValidString(value) {
		return "", false
	}
	if strings.ContainsAny(value, `/\%;?#`) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	return value, true
}

const maxRequestID = 128

// requestID takes the id that the client gave, if it is 1 to 128 visible ASCII characters, or makes one.
func requestID(given string) string {
	if given != "" && len(given) <= maxRequestID && !strings.ContainsFunc(given, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return strings.Clone(given)
	}
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process where there is no randomness
	return "req_" + idEncoding.EncodeToString(random[:])
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
