package rolepolicy

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
)

// PasswordInput is a password to change or reset.
type PasswordInput struct {
	Target  string // username
	Next    string
	Current string // required for one's own password; ignored for others, since checking it would reveal it
}

// ChangePassword changes a password by the role policy: superusers change those of administrators, administrators
// those of users who are not more powerful, others only their own with the current one. A refusal is ErrRefused.
func (s *Service) ChangePassword(ctx context.Context, by domain.Principal, in PasswordInput) error {
	target, err := s.passwordTarget(ctx, by, in.Target, "change")
	if err != nil {
		return err
	}
	// an API key sets its owner's password like another user's: with users.manage, or not at all
	if !by.IsSelf(target.ID) {
		return s.deps.Accounts.SetPassword(ctx, by, target.ID, in.Next)
	}
	if in.Current == "" {
		return refused(RuleCurrentRequired)
	}
	err = s.deps.Accounts.ChangePassword(ctx, by, target.ID, account.PasswordChange{Current: in.Current, Next: in.Next})
	if errors.Is(err, domain.ErrCurrentPassword) {
		return refused(RuleCurrentWrong)
	}
	return err
}

// ResetPassword is ChangePassword without the current password. A user's own is reset only if the configuration
// allows it.
func (s *Service) ResetPassword(ctx context.Context, by domain.Principal, in PasswordInput) error {
	target, err := s.passwordTarget(ctx, by, in.Target, "reset")
	if err != nil {
		return err
	}
	switch {
	case !by.IsSelf(target.ID):
		return s.deps.Accounts.SetPassword(ctx, by, target.ID, in.Next)
	case s.deps.Config.AllowOwnReset:
		return s.deps.Accounts.ResetOwn(ctx, by, in.Next)
	}
	return refused(RuleCurrentRequired)
}

// passwordTarget returns the target user if the role policy allows by to set the password.
func (s *Service) passwordTarget(ctx context.Context, by domain.Principal, name, verb string) (Member, error) {
	if err := by.RequireSignedIn(); err != nil {
		return Member{}, err
	}
	if by.UserID == "" {
		return Member{}, ErrNotAPerson
	}
	target, ok, err := s.find(ctx, name)
	if err != nil {
		return Member{}, err
	}
	if !ok {
		return Member{}, refused(RuleUserUnknown, name)
	}
	return target, checkPassword(by, target, verb)
}

// checkPassword implements the table of who may change (reset) whose password, in the order of the contract.
func checkPassword(by domain.Principal, target Member, verb string) error {
	own := by.BelongsTo(target.ID)
	switch {
	case by.Role == domain.RoleSudo && own:
		return refused(RuleSudoOwnPassword, verb)
	case by.Role == domain.RoleSudo && target.Role.ID != domain.RoleAdmin:
		return refused(RuleSudoPassword, verb)
	case by.Role == domain.RoleSudo:
		return nil
	case administers(by) && target.Role.Level < by.Level:
		return refused(RuleAdminPassword, verb, by.Level)
	case !administers(by) && !own:
		return refused(RuleOwnPassword, verb)
	}
	return nil
}
