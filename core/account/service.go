package account

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/password"
	"github.com/ostiary/ostiary/ports"
)

// Deps holds the dependencies of a Service.
type Deps struct {
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	SingleUse   ports.SingleUseStore
	Decoys      ports.DecoyStore
	Attempts    ports.AttemptStore
	CaseFolder  ports.CaseFolder
	Known       ports.KnownPasswords
	IDs         ports.IDs
	Clock       ports.Clock
	Access      *access.Service
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	AuditLog    ports.AuditLog
	Eraser      ports.AuditEraser
	// AuditAccess records refusals that would flood the audit log if each had an entry.
	AuditAccess *audit.Access
	// ResetRate limits the reset requests for one address; ResetSourceRate limits those from one source network that is
	// not Exempt.
	ResetRate       domain.Rate
	ResetSourceRate domain.Rate
	Exempt          domain.Networks
}

// Service manages users.
type Service struct {
	deps      Deps
	lockout   *lockout.Lockout
	passwords password.Checker
}

// New returns a Service.
func New(n Deps) *Service {
	return &Service{
		deps: n, lockout: lockout.New(n.Attempts, n.IDs, n.Clock),
		passwords: password.Checker{Known: n.Known, CaseFolder: n.CaseFolder},
	}
}

// Profile is a user with the names of their groups.
type Profile struct {
	domain.User
	GroupNames []string
	// LockedUntil is the latest end of a lock in force, from any source. It is zero without a lock, and for the user's
	// own profile.
	LockedUntil time.Time
}

func profile(catalog *domain.Catalog, user domain.User) Profile {
	p := Profile{User: user, GroupNames: make([]string, 0, len(user.Groups))}
	for _, id := range user.Groups {
		if g, ok := catalog.Groups.Get(id); ok { // a deleted group grants nothing and is omitted
			p.GroupNames = append(p.GroupNames, g.Name)
		}
	}
	return p
}

// target returns the user that by acts on, with the catalog in force. For a principal without users.read, other users
// do not exist. A principal without users.manage gets fault.ErrForbidden, and so does one that acts on a user with more
// permissions.
func (s *Service) target(ctx context.Context, by domain.Principal, id domain.UserID) (*domain.Catalog, domain.User,
	error,
) {
	if err := by.RequireSignedIn(); err != nil {
		return nil, domain.User{}, err
	}
	if !by.Can(domain.UsersManage) && !by.Can(domain.UsersRead) && !by.BelongsTo(id) {
		return nil, domain.User{}, domain.ErrUserNotFound
	}
	user, err := s.deps.Users.Get(ctx, id)
	if err != nil {
		return nil, domain.User{}, err
	}
	if err := by.Require(domain.UsersManage); err != nil {
		return nil, domain.User{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, domain.User{}, err
	}
	return catalog, user, access.CheckActOn(catalog, by, &user)
}

// checkRecent returns domain.ErrReauthentication if the settings require a recent proof of identity and by has none.
func (s *Service) checkRecent(catalog *domain.Catalog, by domain.Principal) error {
	return by.RequireRecent(catalog.Settings.Session, s.deps.Clock.Now())
}

// directoryOf returns the user's directory. A directory that is no longer configured is domain.ErrDirectoryUnavailable.
func (s *Service) directoryOf(user *domain.User) (ports.Directory, error) {
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok {
		return nil, domain.ErrDirectoryUnavailable.Because(errors.New("the user's directory is no longer configured"))
	}
	return d, nil
}

// gather merges the details of several validation errors into one fault, so that all invalid fields are reported
// together. It returns any other error unchanged.
func gather(checks ...error) error {
	gathered := fault.ErrInvalid
	for _, err := range checks {
		if err == nil {
			continue
		}
		if !errors.Is(err, fault.ErrInvalid) {
			return err
		}
		for _, d := range fault.Of(err).Details() {
			gathered = gathered.About(d.Field, d.Reason)
		}
	}
	return domain.Refusal(gathered)
}
