package httpserver

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// answerUnchanged replaces the response to a GET or HEAD by 304 if the client has the version of its ETag (RFC 9110,
// 13.1.2).
func (r *Request) answerUnchanged() {
	res := r.c.Response()
	tag := string(res.Header.Peek(fiber.HeaderETag))
	if tag == "" || res.StatusCode() != http.StatusOK {
		return
	}
	if method := r.c.Method(); method != http.MethodGet && method != http.MethodHead {
		return
	}
	var known []string
	for _, value := range r.c.Request().Header.PeekAll(fiber.HeaderIfNoneMatch) {
		known = append(known, string(value))
	}
	if !matchesWeakly(strings.Join(known, ","), tag) {
		return
	}
	res.ResetBody()
	res.Header.Del(fiber.HeaderContentType)
	r.c.Status(http.StatusNotModified)
}

// matchesWeakly reports whether a list of entity tags, or "*", matches the tag by weak comparison (RFC 9110, 8.8.3.2).
// What follows a malformed tag is not looked at.
func matchesWeakly(list, tag string) bool {
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	tag = strings.TrimPrefix(tag, "W/")
	for {
		list = strings.TrimLeft(list, ", \t")
		opaque, ok := strings.CutPrefix(strings.TrimPrefix(list, "W/"), `"`)
		if !ok {
			return false
		}
		value, rest, ok := strings.Cut(opaque, `"`)
		switch {
		case !ok:
			return false
		case `"`+value+`"` == tag:
			return true
		}
		list = strings.TrimLeft(rest, " \t")
		if list != "" && list[0] != ',' {
			return false
		}
	}
}
