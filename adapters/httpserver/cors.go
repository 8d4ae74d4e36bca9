package httpserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// CORS lets pages of other origins call an API (Fetch standard, CORS protocol). The browser's own credentials, such
// as cookies, are never sent: a client authenticates with a key in a header.
type CORS struct {
	// Origins lists the allowed origins, compared byte by byte, such as "https://app.example.com". An empty list
	// disables CORS.
	Origins []string
	// Headers are the request headers that every route of the API takes, beside those that a route names and Content-Type
	// where there is a body.
	Headers []string
}

const (
	preflightAge = "600" // seconds

	// exposedHeaders are the headers of an answer that a page may read, beside those that every page may.
	exposedHeaders = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID, ETag, Location"
)

// shareAnswer adds the headers that let a page of a listed origin read the response, and reports whether the request
// comes from such a page. The response varies with the origin for every client.
func (s *Server) shareAnswer(path string, req *fasthttp.RequestHeader, res *fasthttp.ResponseHeader) (listed bool) {
	if !s.shares {
		return false
	}
	api := s.apiAt(path)
	if len(api.CORS.Origins) == 0 {
		return false
	}
	res.Add(fiber.HeaderVary, fiber.HeaderOrigin)
	origin := string(req.Peek(fiber.HeaderOrigin))
	if !slices.Contains(api.CORS.Origins, origin) {
		return false
	}
	res.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	res.Set(fiber.HeaderAccessControlExposeHeaders, exposedHeaders)
	res.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return true
}

// cors lets a page of a listed origin read the response, and answers preflight requests. answered reports that the
// request is complete.
func (s *Server) cors(r *Request) (answered bool) {
	listed := s.shareAnswer(r.c.Path(), &r.c.Request().Header, &r.c.Response().Header)
	if !listed || r.c.Method() != http.MethodOptions || r.Header(fiber.HeaderAccessControlRequestMethod) == "" {
		return false
	}
	routes := s.routesAt(r.c.Path())
	if len(routes) == 0 {
		return false // not found, as without the question
	}
	r.SetHeader(fiber.HeaderAccessControlAllowMethods, allow(routes))
	r.SetHeader(fiber.HeaderAccessControlAllowHeaders, strings.Join(headersOf(routes), ", "))
	r.SetHeader(fiber.HeaderAccessControlMaxAge, preflightAge)
	r.c.Vary(fiber.HeaderAccessControlRequestMethod, fiber.HeaderAccessControlRequestHeaders)
	r.c.Status(http.StatusNoContent)
	return true
}

// headersOf returns the request headers that the routes of a path accept.
func headersOf(routes []*mount) []string {
	headers := slices.Clone(routes[0].api.CORS.Headers)
	for _, m := range routes {
		for _, name := range slices.Concat(m.own(), m.Headers) {
			if !slices.Contains(headers, name) {
				headers = append(headers, name)
			}
		}
	}
	return headers
}

// own returns the request headers that a route accepts for its method.
func (m *mount) own() []string {
	switch m.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return []string{fiber.HeaderContentType}
	default:
		return nil
	}
}
