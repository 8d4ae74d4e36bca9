package httpserver

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Handler answers one request. An error that it returns is written by the server; it has not answered then.
type Handler func(r *Request) error

// Access says who may use a route. The zero value says nothing, and a route that says nothing does not mount.
type Access struct {
	kind       accessKind
	permission domain.Permission
	or         domain.Permission // sufficient as well; may be empty
	sight      sight
}

// sight says who may know of the object of a route, beside those who may use the route.
type sight struct {
	permissions []domain.Permission // any of them; none: visible to all users
	self        string              // the path's parameter whose user knows of it, too; may be empty
	absent      error
}

type accessKind int

const (
	unmarked accessKind = iota
	public
	signedIn
	enrolling
	permitted
)

// Public is for routes that need no credentials. Those that come along are not looked at.
func Public() Access { return Access{kind: public} }

// SignedIn is for routes that need credentials, whosever they are; what they may do is decided by the service.
func SignedIn() Access { return Access{kind: signedIn} }

// Enrolling is SignedIn, and also for those who must set up a second factor before they may do anything else.
func Enrolling() Access { return Access{kind: enrolling} }

// Requires is for routes that require the permission from every principal. The service decides again, on the object
// itself.
func Requires(p domain.Permission) Access { return Access{kind: permitted, permission: p} }

// Or is for routes that another permission opens as well.
func (a Access) Or(permission domain.Permission) Access {
	a.or = permission
	return a
}

// Hidden is for routes on an object: who may not use the route and holds none of the permissions to see the object gets
// absent, the same as for one that does not exist; who may see it gets the refusal. The user whose id is the path's
// parameter self sees it, too.
func (a Access) Hidden(absent error, self string, unless ...domain.Permission) Access {
	a.sight = sight{permissions: unless, self: self, absent: absent}
	return a
}

// String returns "public", "signed in", "enrolling" or the permission, or both with "or" between them.
func (a Access) String() string {
	switch a.kind {
	case public:
		return "public"
	case signedIn:
		return "signed in"
	case enrolling:
		return "enrolling"
	case permitted:
		if a.or != "" {
			return string(a.permission) + " or " + string(a.or)
		}
		return string(a.permission)
	default:
		return ""
	}
}

// Route is one method on one path.
type Route struct {
	Method string
	// Path is below the API's prefix, with parameters in braces: "/users/{user_id}".
	Path    string
	Access  Access
	Handler Handler
	// SocketOnly keeps the route off the public listener: a server mounts it only if it serves the control socket.
	SocketOnly bool
	// StreamsBody says that the handler reads the body with Request.BodyStream, so that its length is not limited. The
	// path has no parameters, and the connection is closed after the response.
	StreamsBody bool
	// Accepts are the media types of the body; none means application/json, and for PATCH a JSON merge patch (RFC 7396)
	// too.
	Accepts []string
	// Query are the parameters that the query string may hold; any other is refused. Nil ignores what is not known.
	Query QueryNames
	// Check returns the authorization error that the handler would return to this principal. It changes nothing. It
	// is called before a query string or a body is refused: without the permission, the response does not reveal what
	// is wrong with the request. It may be nil.
	Check Handler
	// Names says that the path's parameters are names, which may hold reserved characters, percent-encoded.
	Names bool
	// Headers are request headers that the route takes beside those of its API, for pages of other origins.
	Headers []string
}

// API is a set of routes under one prefix that share a way of signing in and the shape of their failures.
type API struct {
	Name   string // for metrics and the log
	Prefix string
	Routes []Route
	// Authenticate returns the principal of a credential. "" is a missing one. It is called for every route that is
	// not public.
	Authenticate func(ctx context.Context, credential string, from domain.Origin) (domain.Principal, error)
	// Credential finds the credential in a request; nil means BearerCredential.
	Credential func(r *Request) (string, error)
	// Failure writes the body of a failure; nil means the shape of the Security API.
	Failure Failure
	// Denied is called when an authenticated principal was refused a route for lack of a permission; it may be nil.
	// Its error replaces the refusal.
	Denied func(ctx context.Context, by domain.Principal, route string) error
	// CORS lets pages of other origins call the API; the zero value lets none.
	CORS CORS
	// Challenge is what a 401 says in WWW-Authenticate; empty means Bearer.
	Challenge string
}

// mount is a route in its place.
type mount struct {
	Route

	api     *API
	full    string // with the prefix
	params  []string
	metrics *routeMetrics
}

var (
	pathForm  = regexp.MustCompile(`^(/([A-Za-z0-9._-]+|\{[a-z_]+\}))*/?$`)
	paramForm = regexp.MustCompile(`\{([a-z_]+)\}`)
	methods   = []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions,
	}
)

// mountAPI puts the routes of an API in place, or says which cannot be and why.
func (s *Server) mountAPI(api API) error {
	if api.Credential == nil {
		api.Credential = BearerCredential
	}
	if api.Failure == nil {
		api.Failure = contractFailure
	}
	if api.Challenge == "" {
		api.Challenge = "Bearer"
	}
	s.apis = append(s.apis, &api)
	s.shares = s.shares || len(api.CORS.Origins) > 0
	for _, route := range api.Routes {
		if err := s.mountRoute(&api, route); err != nil {
			return fmt.Errorf("mounting %s %s%s: %w", route.Method, api.Prefix, route.Path, err)
		}
	}
	return nil
}

func (s *Server) mountRoute(api *API, route Route) error {
	m := &mount{Route: route, api: api, full: api.Prefix + route.Path}
	if err := s.checkMount(m); err != nil {
		return err
	}
	for _, found := range paramForm.FindAllStringSubmatch(route.Path, -1) {
		m.params = append(m.params, found[1])
	}
	m.metrics = s.metrics.forRoute(api.Name, route.Method, m.full)
	s.mounts = append(s.mounts, m)
	if m.StreamsBody {
		s.streams = append(s.streams, m)
	}
	if len(m.params) == 0 {
		s.literal[m.full] = append(s.literal[m.full], m)
	}
	path := paramForm.ReplaceAllString(m.full, ":$1")
	s.app.Add(route.Method, path, s.serveRoute(m))
	if route.Method == http.MethodGet { // RFC 9110, 9.3.2: the same without the body, which the library leaves out
		s.app.Add(http.MethodHead, path, s.serveRoute(m))
	}
	return nil
}

func (s *Server) checkMount(m *mount) error {
	if err := m.Access.check(m.api); err != nil {
		return err
	}
	switch {
	case m.SocketOnly && !s.cfg.ControlSocket:
		return errors.New("a route of the control socket alone")
	case m.StreamsBody && strings.Contains(m.Path, "{"):
		return errors.New("a stream on a path with parameters")
	case m.Handler == nil:
		return errors.New("no handler")
	case !slices.Contains(methods, m.Method):
		return errors.New("a method that is not served")
	case m.full == "" || !pathForm.MatchString(m.full):
		return errors.New("a path of the wrong form")
	}
	if slices.ContainsFunc(s.mounts, func(other *mount) bool { return other.Method == m.Method && other.full == m.full }) {
		return errors.New("mounted already")
	}
	return nil
}

func (a Access) check(api *API) error {
	switch {
	case a.kind == unmarked:
		return errors.New("no access mark: say Public, SignedIn, Enrolling or Requires")
	case a.kind == permitted && a.permission == "":
		return errors.New("an empty permission")
	case a.kind != public && api.Authenticate == nil:
		return errors.New("needs credentials, and the API cannot check any")
	default:
		return nil
	}
}

// serveRoute returns the router's handler: everything between a request and the route's handler.
func (s *Server) serveRoute(m *mount) fiber.Handler {
	return func(c *fiber.Ctx) error {
		r := requestOf(c)
		r.mount = m
		if len(m.params) > 0 {
			if literal := s.literal[c.Path()]; len(literal) > 0 && !has(literal, m.Method) {
				return ErrMethodNotAllowed // see routesAt
			}
		}
		for _, name := range m.params {
			if _, ok := decodeParam(c.Params(name), m.Names); !ok {
				return fault.ErrInvalid.About(name, "contains characters that are not allowed")
			}
		}
		if err := r.authorize(m); err != nil {
			return err
		}
		if err := r.checkQuery(m); err != nil {
			return err
		}
		if err := checkMediaType(c, m); err != nil {
			return r.refuseFirst(err)
		}
		if err := m.Handler(r); err != nil {
			if r.undecoded {
				err = r.refuseFirst(err)
			}
			return err
		}
		r.answerUnchanged()
		return nil
	}
}

// authorize finds out who asks, and whether the route is for them.
func (r *Request) authorize(m *mount) error {
	if m.Access.kind == public {
		return nil
	}
	credential, err := m.api.Credential(r)
	if err != nil {
		return err
	}
	if r.Principal, err = m.api.Authenticate(&r.ctx, credential, r.Origin); err != nil {
		return err
	}
	switch {
	case m.Access.kind == permitted && m.Access.or != "" && r.Principal.Can(m.Access.or):
		return nil
	case m.Access.kind == permitted:
		return r.hideFrom(m.Access.sight, r.Principal.Require(m.Access.permission))
	case m.Access.kind == signedIn && r.Principal.Scope == domain.ScopeEnrollment:
		return domain.ErrEnrollmentRequired
	default:
		return nil
	}
}

// hideFrom replaces a refusal by the error for principals who may not know of the object at all. The log records the
// refusal.
func (r *Request) hideFrom(s sight, err error) error {
	if len(s.permissions) == 0 || !errors.Is(err, fault.ErrForbidden) ||
		slices.ContainsFunc(s.permissions, r.Principal.Can) {
		return err
	}
	if s.self != "" && r.Principal.BelongsTo(domain.UserID(r.Param(s.self))) {
		return err
	}
	r.refused = true
	return s.absent
}

// checkMediaType refuses a body of any type but those that the route takes. That a browser's form cannot be one of them
// is also what keeps other sites from sending requests in a visitor's name.
func checkMediaType(c *fiber.Ctx, m *mount) error {
	if !m.StreamsBody && len(c.BodyRaw()) == 0 { // the body of a stream is not read here
		return nil
	}
	accepts := m.Accepts
	switch {
	case len(accepts) > 0:
	case m.Method == http.MethodPatch:
		accepts = patchTypes
	default:
		accepts = jsonTypes
	}
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	charset, named := params["charset"]
	if err == nil && slices.Contains(accepts, kind) && (!named || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	return ErrMediaType.Saying("The body must be sent as " + strings.Join(accepts, " or "))
}

var (
	jsonTypes  = []string{fiber.MIMEApplicationJSON}
	patchTypes = []string{fiber.MIMEApplicationJSON, "application/merge-patch+json"}
)
