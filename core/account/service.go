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
	"github.com/ostiary/ostiary/ports"
)

// Needs is what a Service works with.
type Needs struct {
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	Once        ports.OnceStore
	Attempts    ports.AttemptStore
	Folder      ports.TextFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Access      *access.Service
	Directories *directory.Registry
	Journal     *audit.Journal
	Composer    *notify.Composer
	Trail       ports.AuditTrail
	Eraser      ports.AuditEraser
	// Trace notes refusals that would flood the audit log one by one.
	Trace *audit.Access
	// ResetRate bounds the reset requests for one address, and ResetSourceRate those from one source network that is not Exempt.
	ResetRate       domain.Rate
	ResetSourceRate domain.Rate
	Exempt          domain.Networks
}

// Service keeps users.
type Service struct {
	deps    Needs
	lockout *lockout.Lockout
}

// New returns a Service.
func New(n Needs) *Service {
	return &Service{deps: n, lockout: lockout.New(n.Attempts, n.IDs, n.Clock)}
}

// Profile is a user with the names of their groups.
type Profile struct {
	domain.User
	GroupNames []string
	// LockedUntil is the latest end of a lock in force, of any source; zero where there is none, and to the user themselves.
	LockedUntil time.Time
}

func profile(catalog *domain.Catalog, user domain.User) Profile {
	p := Profile{User: user, GroupNames: make([]string, 0, len(user.Groups))}
	for _, id := range user.Groups {
		if g, ok := catalog.Groups[id]; ok { // one that is gone gives nothing and shows nothing
			p.GroupNames = append(p.GroupNames, g.Name)
		}
	}
	return p
}

// target returns the user that by wants to act on, with the catalog in force. To whom may not read users, others do not exist;
// who may read but not manage gets fault.ErrForbidden, as does who would act on somebody more powerful.
func (s *Service) target(ctx context.Context, by domain.Principal, id domain.UserID) (*domain.Catalog, domain.User, error) {
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

// checkRecent returns domain.ErrReauthentication where the settings ask for a recent proof of identity and by has none.
func (s *Service) checkRecent(catalog *domain.Catalog, by domain.Principal) error {
	return by.RequireRecent(catalog.Settings.Session, s.deps.Clock.Now())
}

// directoryOf returns the user's directory; one that is not configured any more could not say.
func (s *Service) directoryOf(user *domain.User) (ports.Directory, error) {
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok {
		return nil, domain.ErrDirectoryUnavailable.Because(errors.New("the user's directory is not configured any more"))
	}
	return d, nil
}

// gather makes one fault of the details of several, so that all mistakes of an input are told at once. What is no mistake
// of the input is returned as it is.
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
	if len(gathered.Details()) == 0 {
		return nil
	}
	return gathered
}
