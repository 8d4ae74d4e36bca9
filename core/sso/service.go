package sso

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// FlowLife is how long a user may take at the provider.
	FlowLife = 10 * time.Minute
	// codeLife is how long a client may take to exchange its code.
	codeLife = time.Minute
	// challengeLife is how long a user may take to type the code of the second factor.
	challengeLife = 5 * time.Minute
	// replayLife is longer than the time for which a logout token is accepted, including clock differences.
	replayLife = time.Hour
)

// startRate limits the stored state that one address can cause.
var startRate = domain.Rate{Limit: 60, Window: time.Minute}

// Config is the operator's configuration.
type Config struct {
	// CallbackURL returns our callback URL for a directory.
	CallbackURL func(id domain.DirectoryID) string
	// RedirectURIs are the URIs that a login may redirect to, and PostLogoutURIs those that a logout may, compared
	// character by character. http://127.0.0.1/… and http://[::1]/… without a port match any port.
	RedirectURIs   []string
	PostLogoutURIs []string
	// CheckEvery is the interval at which a provider is queried about its sessions.
	CheckEvery time.Duration
	// Exempt networks have no rate limit.
	Exempt domain.Networks
}

// Deps holds the dependencies of a Service.
type Deps struct {
	Auth        *auth.Service
	Access      *access.Service
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	SingleUse   ports.SingleUseStore
	Limits      ports.RateLimiter
	Sealer      ports.Sealer
	CaseFolder  ports.CaseFolder
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Config      Config
}

// Service implements login through providers.
type Service struct {
	deps   Deps
	health health
}

// New returns a Service.
func New(n Deps) *Service { return &Service{deps: n} }

// Provider is a provider as a login page displays it.
type Provider struct {
	ID   domain.DirectoryID
	Name string
	Type string
}

// Providers returns the providers in the configured order.
func (s *Service) Providers() []Provider {
	var providers []Provider
	for _, d := range s.deps.Directories.All() {
		if r, ok := d.(ports.RedirectLogin); ok {
			providers = append(providers, Provider{ID: d.ID(), Name: r.DisplayName(), Type: d.Type()})
		}
	}
	return providers
}

// provider returns the provider with the ID. The ID of another kind of directory is fault.ErrNotFound, as an unknown
// ID.
func (s *Service) provider(id domain.DirectoryID) (ports.RedirectLogin, error) {
	d, _ := s.deps.Directories.Get(id)
	r, ok := d.(ports.RedirectLogin)
	if !ok {
		return nil, fault.ErrNotFound
	}
	return r, nil
}

// mayReturnTo compares the URI character by character, but lets a program on the user's own machine listen on any port
// (RFC 8252 section 7.3): a loopback URI that is configured without a port matches any port.
func (s *Service) mayReturnTo(address string) bool {
	return slices.Contains(s.deps.Config.RedirectURIs, address) ||
		slices.Contains(s.deps.Config.RedirectURIs, withoutPort(address))
}

// withoutPort removes the port of a loopback URI and returns other URIs unchanged.
func withoutPort(address string) string {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(address, host+":")
		if !ok {
			continue
		}
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits > 0 && digits <= 5 && strings.HasPrefix(rest[digits:], "/") {
			return host + rest[digits:]
		}
	}
	return address
}

func (s *Service) now() time.Time { return s.deps.Clock.Now().UTC() }

// take counts one request of the source network.
func (s *Service) take(ctx context.Context, kind string, by domain.Principal) error {
	if s.deps.Config.Exempt.Contains(by.Origin) {
		return nil
	}
	_, err := ports.Take(ctx, s.deps.Limits, kind+":"+by.Origin.Network(), startRate, s.now())
	return err
}
