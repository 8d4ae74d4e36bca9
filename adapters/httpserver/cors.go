package httpserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// CORS lets pages of other origins call an API (Fetch standard, CORS protocol). Credentials of the browser's own, such as
// cookies, never go along: who calls shows a key in a header.
type CORS struct {
	// Origins are the origins that may call, to the character, such as "https://app.example.com". None switches it off.
	Origins []string
	// Headers are the request headers that they may send beside Content-Type and Accept.
	Headers []string
}

const preflightAge = "600" // seconds

// allows returns the origin of a request if its pages may call the API.
func (c CORS) allows(r *Request) (string, bool) {
	origin := r.Header(fiber.HeaderOrigin)
	return origin, origin != "" && slices.Contains(c.Origins, origin)
}

// cors adds to an answer what lets a page of an allowed origin read it, and answers the browser's question beforehand.
// answered tells that nothing is left to do.
func (s *Server) cors(r *Request) (answered bool) {
	api := s.apiAt(r.c.Path())
	if len(api.CORS.Origins) == 0 {
		return false
	}
	r.c.Vary(fiber.HeaderOrigin)
	origin, ok := api.CORS.allows(r)
	if !ok {
		return false
	}
	r.SetHeader(fiber.HeaderAccessControlAllowOrigin, origin)
	r.SetHeader("Cross-Origin-Resource-Policy", "cross-origin")
	r.SetHeader(fiber.HeaderAccessControlExposeHeaders, "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID")
	if r.c.Method() != http.MethodOptions || r.Header(fiber.HeaderAccessControlRequestMethod) == "" {
		return false
	}
	r.SetHeader(fiber.HeaderAccessControlAllowMethods, "GET, POST, DELETE")
	r.SetHeader(fiber.HeaderAccessControlAllowHeaders, strings.Join(append([]string{"Content-Type", "Accept"}, api.CORS.Headers...), ", "))
	r.SetHeader(fiber.HeaderAccessControlMaxAge, preflightAge)
	r.c.Status(http.StatusNoContent)
	return true
}
