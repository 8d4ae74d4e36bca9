package sso

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// ExchangeInput is a single-use code, the verifier of the challenge that the login was started with, and the code of
// the second factor if required.
type ExchangeInput struct {
	Code          string
	Verifier      string
	TwoFactorCode string
}

// Exchange returns the session for a code. A code that is unknown, used, older than a minute or of another client is
// fault.ErrUnauthorized, and is consumed. If our second factor is required, or its code was wrong, the error
// (domain.ErrTwoFactorRequired, domain.ErrTwoFactorLogin) carries a new code for the next attempt, valid for five
// minutes.
func (s *Service) Exchange(ctx context.Context, by domain.Principal, in ExchangeInput) (auth.SignedIn, error) {
	if in.Code == "" || len(in.Code) > 128 || len(in.Verifier) > 128 || len(in.TwoFactorCode) > 64 {
		return auth.SignedIn{}, fault.ErrInvalid.About("code", "must be the code that the sign-in ended with")
	}
	if err := s.take(ctx, "sso_exchange", by); err != nil {
		return auth.SignedIn{}, err
	}
	t, err := s.redeem(ctx, domain.ActionLoginFailed, by, in)
	if err != nil {
		return auth.SignedIn{}, err
	}
	if t.StepUp != nil {
		return auth.SignedIn{}, s.refuseCode(ctx, domain.ActionStepUp, by, &t, "the code renews a session and starts none")
	}
	t.Login.Code = in.TwoFactorCode
	signedIn, err := s.deps.Auth.LoginByProvider(ctx, by, t.Login)
	if errors.Is(err, domain.ErrTwoFactorRequired) || errors.Is(err, domain.ErrTwoFactorLogin) {
		return auth.SignedIn{}, s.issueNextCode(ctx, t, fault.Of(err))
	}
	return signedIn, err
}

// redeem consumes the code and returns its ticket if the verifier matches.
func (s *Service) redeem(ctx context.Context, action domain.Action, by domain.Principal, in ExchangeInput) (ticket,
	error,
) {
	var t ticket
	err := s.fetch(ctx, kindCode, in.Code, &t)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return t, s.refuseCode(ctx, action, by, &t, "the code is unknown, used or too old")
	case err != nil:
		return t, err
	case !fits(t.Challenge, in.Verifier):
		return t, s.refuseCode(ctx, action, by, &t, "the code's PKCE verifier is wrong")
	}
	over, err := s.isEnded(ctx, &t)
	if err == nil && over {
		err = s.refuseCode(ctx, action, by, &t, "the provider has ended the session meanwhile")
	}
	return t, err
}

// issueNextCode gives the client a new code in place of the consumed one.
func (s *Service) issueNextCode(ctx context.Context, t ticket, failure *fault.Error) error {
	t.Login.Code = ""
	code := opaquetoken.Secret()
	if err := s.put(ctx, kindCode, code, t, challengeLife); err != nil {
		return err
	}
	return failure.With("code", code)
}

func (s *Service) refuseCode(ctx context.Context, action domain.Action, by domain.Principal, t *ticket,
	reason string,
) error {
	if err := s.refuseAs(ctx, action, by, t.Login.Directory, t.Login.UserID, errors.New(reason)); !errors.Is(err,
		domain.ErrRedirectLogin) {
		return err
	}
	return fault.ErrUnauthorized.Because(errors.New(reason))
}

// fits checks the verifier (RFC 7636 section 4.6). A client that sent no challenge must send no verifier.
func fits(challenge, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	return opaquetoken.Equal(opaquetoken.Fingerprint(verifier), challenge)
}
