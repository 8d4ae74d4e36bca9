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

// SecondFactor challenges for and verifies codes at login; factor.Checker implements it.
type SecondFactor interface {
	// Challenge requests a code. It returns domain.ErrTwoFactorRequired with the methods, after sending a code if the
	// method needs that.
	Challenge(ctx context.Context, user *domain.User) error
	// Verify checks and consumes a code. A wrong or used code is domain.ErrTwoFactorLogin and counts separately from
	// passwords; too many are domain.ErrAccountLocked.
	Verify(ctx context.Context, by domain.Principal, user *domain.User, code string) (domain.Method, error)
}

// KeyAuthenticator returns the principals of API keys; apikey.Service implements it.
type KeyAuthenticator interface {
	Authenticate(ctx context.Context, key string, from domain.Origin) (domain.Principal, error)
}

// Deps holds the dependencies of a Service.
type Deps struct {
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	Logins      ports.LoginView
	Attempts    ports.AttemptStore
	Limits      ports.RateLimiter
	Tokens      ports.AccessTokens
	Sealer      ports.Sealer
	CaseFolder  ports.CaseFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Locator     ports.Locator // nil if no address has a location
	Access      *access.Service
	Catalog     ports.CatalogView
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	Factor      SecondFactor
	Keys        KeyAuthenticator
	LoginLimit  LoginLimit
	// AccessTokenLifetime is the maximum lifetime of an access token; its session may end earlier.
	AccessTokenLifetime time.Duration
}

// Service implements login, refresh, authentication, step-up and the ending of sessions.
type Service struct {
	deps    Deps
	lockout *lockout.Lockout
	marks   generationMarks
	limiter *loginLimiter

	directoryTimes *directoryTimes
}

// New returns a Service.
func New(n Deps) *Service {
	return &Service{
		deps: n, lockout: lockout.New(n.Attempts, n.IDs, n.Clock), limiter: newLoginLimiter(n.LoginLimit, n.Limits, n.Clock),
		directoryTimes: newDirectoryTimes(),
	}
}
