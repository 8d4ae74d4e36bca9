package settings

import (
	"context"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Service reads and changes the security settings.
type Service struct{ deps Deps }

// Deps holds the dependencies of a Service.
type Deps struct {
	Store       ports.SettingsStore
	Catalog     ports.CatalogView
	Guard       ports.AdminGuard
	Users       ports.UserStore
	AuditWriter *audit.Writer
	Clock       ports.Clock
	VerifyCache ports.VerifyCache // nil if the store belongs to one process
	// SMS reports whether an SMS gateway is configured.
	SMS bool
}

// New returns a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// Get returns the settings in force. It requires system.configure.
func (s *Service) Get(ctx context.Context, by domain.Principal) (domain.Settings, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return domain.Settings{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.Settings{}, err
	}
	return catalog.Settings, nil
}

// loosens reports whether a change of the session policy would allow sensitive operations with an older proof of
// identity or with none.
func loosens(before, after domain.SessionPolicy) bool {
	return after.ReauthenticateMinutes == 0 || after.ReauthenticateMinutes > before.ReauthenticateMinutes
}

// Patch applies the patch atomically and returns the settings then in force. It requires system.configure. If version
// is not zero, the settings must have that version; otherwise Patch returns fault.ErrPrecondition. A value out of range
// is fault.ErrInvalid with the field and the range. A patch that changes nothing leaves the version and the audit log
// unchanged. While the settings require a recent proof of identity, loosening that rule requires one too
// (domain.ErrReauthentication).
//
// If the patch makes a second factor mandatory for more users, the result has warnings, and the session of the request
// keeps its permissions for domain.EnrollmentGraceFor.
func (s *Service) Patch(ctx context.Context, by domain.Principal, patch Patch, version int64) (Patched, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return Patched{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Patched{}, err
	}
	warnings, err := s.enrollmentWarnings(ctx, by, catalog, patch)
	if err != nil {
		return Patched{}, err
	}
	settings, err := s.deps.Store.UpdateSettings(ctx, s.change(by, catalog, patch, version))
	if err != nil {
		return Patched{}, err
	}
	return Patched{Settings: settings, Warnings: warnings}, nil
}

// change returns the store change of a patch, for the settings at the version, with its audit entry.
func (s *Service) change(
	by domain.Principal, catalog *domain.Catalog, patch Patch, version int64,
) ports.Change[domain.Settings] {
	return func(settings *domain.Settings, out *domain.Outbox) error {
		if version != 0 && settings.Version != version {
			return fault.ErrPrecondition
		}
		before := *settings
		if err := patch.apply(settings); err != nil {
			return err
		}
		if err := s.check(catalog, settings); err != nil {
			return err
		}
		if loosens(before.Session, settings.Session) {
			if err := by.RequireRecent(before.Session, s.deps.Clock.Now()); err != nil {
				return err
			}
		}
		changes := differences(&before, settings)
		if len(changes) == 0 {
			return domain.ErrUnchanged
		}
		settings.Grace = s.grace(by, &before, settings)
		settings.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionSettingsChange, "settings", audit.Detail("changes", changes)))
		return nil
	}
}
