package sso

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// stepUp identifies a session whose user must authenticate again at the provider.
type stepUp struct {
	Session domain.SessionID
	User    domain.UserID
}

// action returns the audit action for a failure of the flow.
func (f *flow) action() domain.Action {
	if f.StepUp != nil {
		return domain.ActionStepUp
	}
	return domain.ActionLoginFailed
}

// user returns the user of the flow, or "" if it is known only at the end of the flow.
func (f *flow) user() domain.UserID {
	if f.StepUp != nil {
		return f.StepUp.User
	}
	return ""
}

// OfferStepUp returns a mark that starts the login at the provider which renews the principal's session. It works once,
// within ten minutes, with that provider.
func (s *Service) OfferStepUp(ctx context.Context, by domain.Principal) (string, error) {
	if err := s.deps.Auth.MayStepUp(by); err != nil {
		return "", err
	}
	if err := s.take(ctx, "sso_step_up", by); err != nil {
		return "", err
	}
	mark := opaquetoken.Secret()
	return mark, s.put(ctx, kindStepUp, mark, stepUp{Session: by.SessionID, User: by.UserID}, FlowLife)
}

// takeMark returns the session that the mark of a start renews, or nil without a mark.
func (s *Service) takeMark(ctx context.Context, in StartInput) (*stepUp, error) {
	if in.StepUp == "" {
		return nil, nil
	}
	var renews stepUp
	err := s.fetch(ctx, kindStepUp, in.StepUp, &renews)
	if err == nil {
		var user domain.User
		if user, err = s.deps.Users.Get(ctx, renews.User); err == nil && user.Directory == in.Directory {
			return &renews, nil
		}
	}
	if err == nil || errors.Is(err, fault.ErrNotFound) || errors.Is(err, domain.ErrUserNotFound) {
		return nil, fault.ErrInvalid.About("step_up", "is unknown, used, too old or of another provider")
	}
	return nil, err
}

// finishStepUp issues the code for the client if the authenticated user is the one of the session. It provisions, links
// and updates no user.
func (s *Service) finishStepUp(ctx context.Context, by domain.Principal, id domain.DirectoryID, f *flow,
	result *domain.RedirectResult,
) (string, error) {
	user, err := s.deps.Users.Get(ctx, f.StepUp.User)
	switch {
	case err != nil && !errors.Is(err, domain.ErrUserNotFound):
		return "", err
	case err != nil || user.Status != domain.StatusActive:
		err = errors.New("the user is gone or not active")
	case user.Directory != id || user.Subject == "" || user.Subject != result.Identity.Subject:
		err = errors.New("another person signed in at the provider")
	case !f.At.Fresh || result.AuthTime.IsZero(): // the provider's adapter has compared the time
		err = errors.New("the provider reports no fresh sign-in")
	default:
		return s.issueCode(ctx, f, user.ID, result)
	}
	return "", s.refuseAs(ctx, domain.ActionStepUp, by, id, f.StepUp.User, err)
}

// StepUp renews the principal's session with the code of a login that was started with OfferStepUp's mark. A code that
// is unknown, used, older than a minute, of another client or of another session is domain.ErrInvalidToken, and is
// consumed.
func (s *Service) StepUp(ctx context.Context, by domain.Principal, in ExchangeInput) (auth.SteppedUp, error) {
	if err := s.deps.Auth.MayStepUp(by); err != nil {
		return auth.SteppedUp{}, err
	}
	if in.Code == "" || len(in.Code) > 128 || len(in.Verifier) > 128 {
		return auth.SteppedUp{}, fault.ErrInvalid.About("code", "must be the code that the sign-in ended with")
	}
	if err := s.take(ctx, "sso_exchange", by); err != nil {
		return auth.SteppedUp{}, err
	}
	t, err := s.redeem(ctx, domain.ActionStepUp, by, in)
	if err == nil && (t.StepUp == nil || t.StepUp.Session != by.SessionID) {
		err = s.refuseCode(ctx, domain.ActionStepUp, by, &t, "the code is not of a step-up of this session")
	}
	if errors.Is(err, fault.ErrUnauthorized) {
		err = domain.ErrInvalidToken.Because(err) // the session continues, so the error must not end it
	}
	if err != nil {
		return auth.SteppedUp{}, err
	}
	return s.deps.Auth.RenewByProvider(ctx, by, t.Login)
}
