package directory

import (
	"context"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

func (s *Service) applyStep(ctx context.Context, by domain.Principal, step *Step) error {
	if err := s.mayApply(ctx, by, step); err != nil {
		return err
	}
	switch step.Kind {
	case StepCreate:
		_, err := s.deps.Provisioner.Provision(ctx, by, step.identity, true)
		return err
	case StepUpdate:
		user, err := s.deps.Users.Get(ctx, step.UserID)
		if err != nil {
			return err
		}
		_, err = s.deps.Provisioner.Refresh(ctx, by, user, step.identity)
		return err
	case StepDisable:
		return s.disable(ctx, by, step)
	case StepEnable:
		return s.enable(ctx, by, step)
	default:
		return nil
	}
}

// mayApply returns the refusal of a step that changes a user with more permissions than by, or grants permissions that
// by may not grant. The digest and the directory do not entitle to more than directories.manage does.
func (s *Service) mayApply(ctx context.Context, by domain.Principal, step *Step) error {
	if by.Kind == domain.PrincipalCLI || by.Kind == domain.PrincipalSystem || step.Kind == StepSkip {
		return nil
	}
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return err
	}
	user := domain.User{Role: domain.RoleUser}
	if step.Kind != StepCreate {
		if user, err = s.deps.Users.Get(ctx, step.UserID); err != nil {
			return err
		}
		if err := access.CheckActOn(catalog, by, &user); err != nil {
			return err
		}
	}
	if step.Kind == StepDisable {
		return nil
	}
	after := user.Clone()
	s.deps.Provisioner.apply(catalog, &after, step.identity)
	if err := access.CheckAssign(catalog, by, &user, after.Role, after.Groups); err != nil {
		return err
	}
	if access.GainsRights(catalog, &user, after.Role, after.Groups) {
		return by.RequireRecent(catalog.Settings.Session, s.deps.Clock.Now())
	}
	return nil
}

func (s *Service) disable(ctx context.Context, by domain.Principal, step *Step) error {
	_, err := s.deps.Access.UpdateUser(ctx, step.UserID, func(u *domain.User, out *domain.Outbox) error {
		if u.Status == domain.StatusDeactivated || u.Subject != step.Subject {
			return domain.ErrUnchanged
		}
		ended := len(u.Sessions)
		u.Deactivate(s.deps.Clock.Now().UTC())
		u.DeactivatedBySync = true
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserDeactivate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("reason", step.Reason),
			audit.Detail("sessions_ended", ended)))
		return nil
	})
	return err
}

// enable activates a user disabled by a synchronization, unless an administrator has deactivated the user in the
// meantime.
func (s *Service) enable(ctx context.Context, by domain.Principal, step *Step) error {
	user, err := s.deps.Access.UpdateUser(ctx, step.UserID, func(u *domain.User, out *domain.Outbox) error {
		if u.Status != domain.StatusDeactivated || !u.DeactivatedBySync || u.Subject != step.Subject {
			return domain.ErrUnchanged
		}
		u.Activate()
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserActivate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("reason", step.Reason)))
		return nil
	})
	if err != nil || user.Status != domain.StatusActive {
		return err
	}
	_, err = s.deps.Provisioner.Refresh(ctx, by, user, step.identity)
	return err
}
