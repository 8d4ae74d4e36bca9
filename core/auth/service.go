package auth

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
)

// SecondFactor asks for and checks codes at sign-in; factor.Checker is one.
type SecondFactor interface {
	// Challenge asks for a code: it returns domain.ErrTwoFactorRequired, with the methods, after it has sent one where the
	// method needs that.
	Challenge(ctx context.Context, user *domain.User) error
	// Verify checks and burns a code. A wrong or used one is domain.ErrTwoFactorLogin and counts on its own; too many are
	// domain.ErrAccountLocked.
	Verify(ctx context.Context, by domain.Principal, user *domain.User, code string) (domain.Method, error)
}

// KeyAuthenticator makes principals of API keys; apikey.Service is one.
type KeyAuthenticator interface {
	Authenticate(ctx context.Context, key string, from domain.Origin) (domain.Principal, error)
}

// Needs is what a Service works with.
type Needs struct {
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	Logins      ports.LoginView
	Attempts    ports.AttemptStore
	Limits      ports.RateLimiter
	Tokens      ports.AccessTokens
	Sealer      ports.Sealer
	Folder      ports.TextFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Locator     ports.Locator
	Access      *access.Service
	Catalog     ports.CatalogView
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	Journal     *audit.Journal
	Composer    *notify.Composer
	Factor      SecondFactor
	Keys        KeyAuthenticator
	LoginLimit  LoginLimit
	// AccessTokenLifetime is how long an access token is good for at the most; its session may end before.
	AccessTokenLifetime time.Duration
}

// Service signs in, refreshes, authenticates and ends sessions.
type Service struct {
	deps    Needs
	lockout *lockout.Lockout
	marks   generationMarks
	limiter *loginLimiter

	directoryTimes *directoryTimes
}

// New returns a Service.
func New(n Needs) *Service {
	return &Service{
		deps: n, lockout: lockout.New(n.Attempts, n.IDs, n.Clock), limiter: newLoginLimiter(n.LoginLimit, n.Limits, n.Clock),
		directoryTimes: newDirectoryTimes(),
	}
}
