package factor

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// failedCode marks an audit entry as that of a wrong code.
var failedCode = audit.Failed("invalid_two_factor_code")

// checkMethod returns nil for a method that the settings allow and the configuration supports.
func (s *Service) checkMethod(ctx context.Context, in EnrollInput) error {
	catalog, err := s.checker.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	isSMS := in.Method == domain.MethodSMS
	if !slices.Contains(catalog.Settings.TwoFactor.Methods, in.Method) || isSMS && !s.checker.deps.SMS {
		return domain.ErrMethodUnavailable
	}
	if !isSMS {
		if in.PhoneNumber != "" {
			return fault.ErrInvalid.About("phone_number", "is for the method sms")
		}
		return nil
	}
	if in.PhoneNumber == "" {
		return fault.ErrInvalid.About("phone_number", "is required")
	}
	return domain.CheckPhoneNumber(in.PhoneNumber)
}

func (s *Service) takeSMS(ctx context.Context, id domain.UserID) error {
	_, err := ports.Take(ctx, s.checker.deps.Limits, "sms:"+string(id), smsRate, s.checker.deps.Clock.Now())
	return err
}

// prove verifies a code as part of another action: a wrong code is an error in that action's input.
func (c *Checker) prove(ctx context.Context, by domain.Principal, user *domain.User, code string) error {
	_, err := c.Verify(ctx, by, user, code)
	if !errors.Is(err, domain.ErrTwoFactorLogin) {
		return err
	}
	if err := c.deps.AuditWriter.Write(ctx, c.entry(by, domain.ActionTwoFactorFailed, user.ID, user.Factor.Method,
		failedCode)); err != nil {
		return err
	}
	return domain.ErrTwoFactorCode
}

func (c *Checker) entry(by domain.Principal, action domain.Action, target domain.UserID, method domain.Method,
	more ...audit.Option,
) domain.AuditEntry {
	options := more
	if method != "" {
		options = append([]audit.Option{audit.Detail("method", string(method))}, more...)
	}
	return c.deps.AuditWriter.Entry(by, action, string(target), options...)
}
