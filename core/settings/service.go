package settings

import (
	"context"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Service reads and changes the security settings.
type Service struct {
	store   ports.SettingsStore
	catalog ports.CatalogView
	guard   ports.AdminGuard
	users   ports.UserStore
	journal *audit.Journal
	clock   ports.Clock
	sms     bool
}

// Needs is what a Service works with.
type Needs struct {
	Store   ports.SettingsStore
	Catalog ports.CatalogView
	Guard   ports.AdminGuard
	Users   ports.UserStore
	Journal *audit.Journal
	Clock   ports.Clock
	// SMS tells that a gateway is configured.
	SMS bool
}

// New returns a Service.
func New(n Needs) *Service {
	return &Service{
		store: n.Store, catalog: n.Catalog, guard: n.Guard, users: n.Users, journal: n.Journal, clock: n.Clock, sms: n.SMS,
	}
}

// Get returns the settings in force. It takes system.configure.
func (s *Service) Get(ctx context.Context, by domain.Principal) (domain.Settings, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return domain.Settings{}, err
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return domain.Settings{}, err
	}
	return catalog.Settings, nil
}

// loosens reports whether a change of the session policy would let sensitive operations pass with an older proof of identity
// or none.
func loosens(before, after domain.SessionPolicy) bool {
	return after.ReauthenticateMinutes == 0 || after.ReauthenticateMinutes > before.ReauthenticateMinutes
}

// Patch applies the patch whole or not at all and returns what is then in force. It takes system.configure. With a version
// other than zero the settings must still be at it, else it is fault.ErrPrecondition. A value out of its bounds is
// fault.ErrInvalid that names the field and the bounds. A patch that changes nothing leaves version and log as they are. While
// a recent proof of identity is asked for, loosening that rule takes one (domain.ErrReauthentication).
//
// Where the patch puts people under the duty to have a second factor the result has warnings, and the session that
// asks for it keeps its rights for domain.EnrollmentGraceFor.
func (s *Service) Patch(ctx context.Context, by domain.Principal, patch Patch, version int64) (Patched, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return Patched{}, err
	}
	if patch.Profile != nil && *patch.Profile != ProfileNIST {
		return Patched{}, errUnknownProfile
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return Patched{}, err
	}
	warnings, err := s.dutyWarnings(ctx, by, catalog, patch)
	if err != nil {
		return Patched{}, err
	}
	settings, err := s.store.UpdateSettings(ctx, s.change(by, catalog, patch, version))
	if err != nil {
		return Patched{}, err
	}
	return Patched{Settings: settings, Warnings: warnings}, nil
}

// change returns the change of a patch, for the settings at the version, with its entry.
func (s *Service) change(
	by domain.Principal, catalog *domain.Catalog, patch Patch, version int64,
) ports.Change[domain.Settings] {
	return func(settings *domain.Settings, out *domain.Outbox) error {
		if version != 0 && settings.Version != version {
			return fault.ErrPrecondition
		}
		before := *settings
		patch.apply(settings)
		if err := s.check(catalog, settings); err != nil {
			return err
		}
		if loosens(before.Session, settings.Session) {
			if err := by.RequireRecent(before.Session, s.clock.Now()); err != nil {
				return err
			}
		}
		changes := differences(&before, settings)
		if len(changes) == 0 {
			return domain.ErrUnchanged
		}
		settings.Grace = s.grace(by, &before, settings)
		settings.UpdatedAt = s.clock.Now().UTC()
		out.Record(s.journal.Entry(by, domain.ActionSettingsChange, "settings", audit.Detail("changes", changes)))
		return nil
	}
}
