package httpserver

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/ostiary/ostiary/core/fault"
)

// framing is what of a request's head decides where the request ends, and what must be known before its body is read.
type framing struct {
	lengths int  // Content-Length fields
	codings int  // Transfer-Encoding fields
	chunked bool // the last coding is "chunked" alone
	encoded bool // there is a Content-Encoding
	expects bool // there is an Expect
	asks    bool // it is "100-continue"
	closes  bool // "Connection" has the option "close"
}

// parseFraming reads the fields of a head as they were sent. It is stricter than the library: a proxy in front may read
// a folded line, a bare LF or an odd name otherwise than the library does, and then the two disagree on where a request
// ends (RFC 9112, 2.2, 5.1 and 5.2). ok is false for such a head.
func parseFraming(raw []byte) (f framing, ok bool) {
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return f, false
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			return f, len(raw) == 0
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !isFieldName(line[:colon]) {
			return f, false
		}
		f.note(line[:colon], bytes.Trim(line[colon+1:], " \t"))
	}
	return f, true
}

// note takes a field into account. The length of its name rules out nearly all others without a comparison.
func (f *framing) note(name, value []byte) {
	is := func(other string) bool { return strings.EqualFold(string(name), other) }
	switch len(name) {
	case len(fiber.HeaderContentLength):
		if is(fiber.HeaderContentLength) {
			f.lengths++
		}
	case len(fiber.HeaderTransferEncoding):
		if is(fiber.HeaderTransferEncoding) {
			f.codings++
			f.chunked = strings.EqualFold(string(value), "chunked")
		}
	case len(fiber.HeaderContentEncoding):
		f.encoded = f.encoded || is(fiber.HeaderContentEncoding)
	case len(fiber.HeaderConnection):
		f.closes = f.closes || is(fiber.HeaderConnection) && hasOption(string(value), "close")
	case len(fiber.HeaderExpect):
		if is(fiber.HeaderExpect) {
			f.expects, f.asks = true, strings.EqualFold(string(value), "100-continue")
		}
	}
}

func hasOption(list, option string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(o, " \t"), option) {
			return true
		}
	}
	return false
}

// isFieldName reports whether b is a token (RFC 9110, 5.6.2).
func isFieldName(b []byte) bool {
	for _, c := range b {
		if !inFieldName[c] {
			return false
		}
	}
	return true
}

var inFieldName = func() (table [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		table[c] = true
	}
	return table
}()

// isAmbiguous reports whether another recipient may see the request end elsewhere: two lengths, a coding beside a
// length, any coding but "chunked", or a coding in HTTP/1.0 (RFC 9112, 6.1 and 6.3).
func (f framing) isAmbiguous(version string) bool {
	if f.codings == 0 {
		return f.lengths > 1
	}
	return f.codings > 1 || f.lengths > 0 || !f.chunked || version != httpVersion11
}

// isTarget reports whether a request's target has no fragment. One recipient would cut it off and another would not
// (RFC 9112, 3.2).
func isTarget(target []byte) bool { return bytes.IndexByte(target, '#') < 0 }

// isHost reports whether the value of Host has the characters of a host and port alone (RFC 9112, 3.2).
func isHost(host []byte) bool {
	for _, c := range host {
		if !inHost[c] {
			return false
		}
	}
	return true
}

var inHost = func() (table [256]bool) {
	for _, c := range []byte("-._~%!$&'()*+,;=:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		table[c] = true
	}
	return table
}()

const (
	httpVersion10 = "HTTP/1.0"
	httpVersion11 = "HTTP/1.1"
)

// The verdicts on a head take the place of its version: the library reads the head before there is anything else of the
// request to keep them in. No client can send them as a version.
const (
	verdictInvalid  = "refused: invalid"
	verdictEncoding = "refused: encoding"
	verdictTooLarge = "refused: too large"
)

// onHead looks at a head that was read, before anything of the body is. A request that is refused whatever its body has
// neither: its body is not read, "100 Continue" is not sent, and the connection is closed after the answer.
func (s *Server) onHead(h *fasthttp.RequestHeader) (unchanged fasthttp.RequestConfig) {
	version := string(h.Protocol())
	f, ok := parseFraming(h.RawHeaders())
	switch {
	case !ok, version != httpVersion10 && version != httpVersion11, f.isAmbiguous(version), !isTarget(h.RequestURI()),
		!isHost(h.Host()):
		refuseHead(h, verdictInvalid)
	case f.encoded:
		// The router would inflate the body without a limit: 4 KB of gzip in gzip took 3.3 GB.
		refuseHead(h, verdictEncoding)
	case h.ContentLength() > s.cfg.BodyLimit && !s.streamsBody(h):
		refuseHead(h, verdictTooLarge)
	default:
		if f.closes {
			h.SetConnectionClose() // the library knows the option in lower case and alone only
		}
		f.settleExpect(h, version)
	}
	return unchanged
}

// settleExpect passes an expectation to the library only if it is valid (RFC 9110, 10.1.1): in HTTP/1.1, in any case.
func (f framing) settleExpect(h *fasthttp.RequestHeader, version string) {
	switch {
	case !f.expects:
	case f.asks && version == httpVersion11:
		h.Set(fiber.HeaderExpect, "100-continue") // the library compares the case
	default:
		h.Del(fiber.HeaderExpect)
	}
}

func refuseHead(h *fasthttp.RequestHeader, verdict string) {
	h.SetProtocol(verdict)
	h.SetContentLength(0)
	h.Del(fiber.HeaderExpect)
	h.SetConnectionClose()
}

// refusalOf returns the failure of a request that onHead refused; nil for any other.
func refusalOf(h *fasthttp.RequestHeader) *fault.Error {
	switch string(h.Protocol()) {
	case verdictInvalid:
		return fault.ErrInvalid
	case verdictEncoding:
		return ErrEncoding
	case verdictTooLarge:
		return ErrBodyTooLarge
	default:
		return nil
	}
}

// served reports whether any route may have the method.
func served(method []byte) bool {
	switch string(method) {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return true
	default:
		return false
	}
}
