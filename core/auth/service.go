package auth

import (
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
)

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
	Factor      *factor.Checker
	Keys        *apikey.Service
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
