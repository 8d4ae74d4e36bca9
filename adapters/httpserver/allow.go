package httpserver

import (
	"net/http"
	"strings"
)

// routesAt returns the routes of a path, as it was sent, for any method. A literal route takes precedence over one
// with parameters: if POST /login is a route, GET /login has the wrong method and is not the user "login".
func (s *Server) routesAt(path string) []*mount {
	if all := s.literal[path]; len(all) > 0 {
		return all
	}
	var all []*mount
	parts := strings.Split(path, "/")
	for _, m := range s.mounts {
		if len(m.params) > 0 && m.matches(parts) {
			all = append(all, m)
		}
	}
	return all
}

// matches reports whether the parts of a path match those of the route, with a value for each parameter.
func (m *mount) matches(parts []string) bool {
	own := strings.Split(m.full, "/")
	if len(own) != len(parts) {
		return false
	}
	for i, part := range own {
		if isParam := strings.HasPrefix(part, "{"); isParam && parts[i] == "" || !isParam && part != parts[i] {
			return false
		}
	}
	return true
}

// allow returns the methods of routes in the form of the Allow header. HEAD is implied by GET.
func allow(routes []*mount) string {
	var names []string
	for _, method := range methods {
		for _, m := range routes {
			if m.Method != method {
				continue
			}
			names = append(names, method)
			if method == http.MethodGet {
				names = append(names, http.MethodHead)
			}
			break
		}
	}
	return strings.Join(names, ", ")
}

// has reports whether one of the routes has the method.
func has(routes []*mount, method string) bool {
	for _, m := range routes {
		if m.Method == method {
			return true
		}
	}
	return false
}

// targetPath returns the path of a request's target, which may be an absolute URI (RFC 9112, 3.2.2).
func targetPath(target string) string {
	if scheme, rest, found := strings.Cut(target, "://"); found && !strings.ContainsAny(scheme, "/?#") {
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	if end := strings.IndexAny(target, "?#"); end >= 0 {
		target = target[:end]
	}
	return target
}
