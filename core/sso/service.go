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
	// FlowLife is how long somebody may take at the provider.
	FlowLife = 10 * time.Minute
	// codeLife is how long a client may take to exchange its code.
	codeLife = time.Minute
	// challengeLife is how long somebody may take to type the code of their second factor.
	challengeLife = 5 * time.Minute
	// replayLife is longer than a logout token is accepted for, whatever the clocks.
	replayLife = time.Hour
)

// startRate bounds what one address can make us keep.
var startRate = domain.Rate{Limit: 60, Window: time.Minute}

// Sessions starts and ends the sessions here; auth.Service is one.
type Sessions interface {
	LoginByProvider(ctx context.Context, by domain.Principal, in auth.ProviderLogin) (auth.SignedIn, error)
	EndByProvider(ctx context.Context, by domain.Principal, session domain.Session, reason string) error
	Authenticate(ctx context.Context, credential string, from domain.Origin) (domain.Principal, error)
	Logout(ctx context.Context, by domain.Principal, refresh, bearer string) error
	RenewByProvider(ctx context.Context, by domain.Principal, in auth.ProviderLogin) (auth.SteppedUp, error)
}

// Config is what the operator sets.
type Config struct {
	// CallbackURL tells our callback's address at a directory.
	CallbackURL func(id domain.DirectoryID) string
	// RedirectURIs are the addresses that a sign-in may end at, and PostLogoutURIs those that a logout may, to the
	// character. http://127.0.0.1/… and http://[::1]/… without a port stand for any port.
	RedirectURIs   []string
	PostLogoutURIs []string
	// CheckEvery is how often a provider is asked whether its sessions live.
	CheckEvery time.Duration
	// Exempt networks may start and end as many sign-ins as they like.
	Exempt domain.Networks
}

// Needs is what a Service works with.
type Needs struct {
	Auth        Sessions
	Access      *access.Service
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	Once        ports.OnceStore
	Limits      ports.RateLimiter
	Sealer      ports.Sealer
	Folder      ports.TextFolder
	Clock       ports.Clock
	Journal     *audit.Journal
	Config      Config
}

// Service signs people in through providers.
type Service struct{ deps Needs }

// New returns a Service.
func New(n Needs) *Service { return &Service{deps: n} }

// Provider is one way to sign in, as a login page shows it.
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

// provider returns the provider with this id; another directory's id is fault.ErrNotFound like no directory's.
func (s *Service) provider(id domain.DirectoryID) (ports.RedirectLogin, error) {
	d, _ := s.deps.Directories.Get(id)
	r, ok := d.(ports.RedirectLogin)
	if !ok {
		return nil, fault.ErrNotFound
	}
	return r, nil
}

// mayReturnTo compares to the character, but lets a program on the person's own machine listen where it can (RFC 8252
// section 7.3): an address on loopback that is configured without a port stands for any.
func (s *Service) mayReturnTo(address string) bool {
	return slices.Contains(s.deps.Config.RedirectURIs, address) || slices.Contains(s.deps.Config.RedirectURIs, withoutPort(address))
}

// withoutPort takes the port out of an address on loopback; other addresses stay as they are.
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

// take counts one request of the address.
func (s *Service) take(ctx context.Context, what string, by domain.Principal) error {
	if s.deps.Config.Exempt.Contains(by.Origin) {
		return nil
	}
	state, err := s.deps.Limits.Take(ctx, what+":"+by.Origin.Network(), startRate, s.now())
	if err == nil && !state.Allowed {
		err = fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	return err
}
