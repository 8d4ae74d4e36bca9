package sso

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// CallbackInput is the provider's response as the browser delivers it.
type CallbackInput struct {
	Directory domain.DirectoryID
	Answer    domain.RedirectCallback
	Secret    string // that of the flow, as the browser knows it
}

// Returned is the result of a login for the client that started it: the code, or Err with the refusal.
type Returned struct {
	RedirectURI string
	State       string // the client's own
	Code        string
	Err         error
}

// Callback completes the provider's part of a login. It consumes the flow in any case. A flow that is unknown, used,
// expired or of another browser is domain.ErrRedirectLogin. Any later refusal, and an unavailable provider, is in the
// result, since the client can display it. The audit log has the reason. Too many calls from one address are
// fault.ErrRateLimited.
func (s *Service) Callback(ctx context.Context, by domain.Principal, in CallbackInput) (Returned, error) {
	// Each call leaves an audit entry: a client must not be able to flood the audit log.
	if err := s.take(ctx, "sso_callback", by); err != nil {
		return Returned{}, err
	}
	f, err := s.takeFlow(ctx, by, in)
	if err != nil {
		return Returned{}, err
	}
	code, err := s.finish(ctx, by, in, f)
	if err != nil && !errors.Is(err, domain.ErrDirectoryUnavailable) && fault.Of(err).Kind != fault.Unauthenticated &&
		fault.Of(err).Kind != fault.Forbidden {
		return Returned{}, err
	}
	return Returned{RedirectURI: f.RedirectURI, State: f.State, Code: code, Err: err}, nil
}

func (s *Service) takeFlow(ctx context.Context, by domain.Principal, in CallbackInput) (*flow, error) {
	var f flow
	err := s.fetch(ctx, kindFlow, in.Answer.State, &f)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return nil, s.refuse(ctx, by, in.Directory, "", errors.New("the state is unknown, used or too old"))
	case err != nil:
		return nil, err
	case f.At.Directory != in.Directory:
		return nil, s.refuse(ctx, by, in.Directory, "", errors.New("the sign-in was started with another provider"))
	}
	if !opaquetoken.Matches(f.Browser, in.Secret) {
		return nil, s.refuse(ctx, by, in.Directory, "", errors.New("the browser is not the one that began"))
	}
	return &f, nil
}

// finish verifies the provider's response, resolves the user and issues the code for the client.
func (s *Service) finish(ctx context.Context, by domain.Principal, in CallbackInput, f *flow) (string, error) {
	provider, err := s.provider(in.Directory)
	if err != nil { // removed from the configuration in the meantime
		return "", s.refuse(ctx, by, in.Directory, "", errors.New("the provider is not configured any more"))
	}
	result, err := provider.Finish(ctx, f.At, in.Answer)
	if err != nil {
		return "", s.refuseAs(ctx, f.action(), by, in.Directory, f.user(), err)
	}
	if f.StepUp != nil {
		return s.finishStepUp(ctx, by, in.Directory, f, &result)
	}
	user, err := s.resolve(ctx, by, provider, f, result.Identity)
	if err != nil {
		return "", s.refuse(ctx, by, in.Directory, user.ID, err)
	}
	if user.Status != domain.StatusActive {
		return "", s.refuse(ctx, by, in.Directory, user.ID, errors.New(string(user.Status)))
	}
	return s.issueCode(ctx, f, user.ID, &result)
}

// issueCode stores the result of the login under a new code for the client.
func (s *Service) issueCode(ctx context.Context, f *flow, user domain.UserID, result *domain.RedirectResult) (string,
	error,
) {
	code := opaquetoken.Secret()
	return code, s.put(ctx, kindCode, code, ticket{
		Challenge: f.Challenge,
		At:        s.now(),
		StepUp:    f.StepUp,
		Login: auth.ProviderLogin{
			UserID: user, Remember: f.Remember, Methods: result.Identity.Methods, SecondFactor: result.Identity.SecondFactor,
			AuthTime: result.AuthTime, Directory: f.At.Directory, Subject: result.Identity.Subject,
			Session: result.ProviderSession, Grant: result.Grant, IDToken: result.IDToken,
		},
	}, codeLife)
}

// refuse records the reason why a login was refused. It returns an internal error unchanged, without recording it.
func (s *Service) refuse(ctx context.Context, by domain.Principal, id domain.DirectoryID, user domain.UserID,
	cause error,
) error {
	return s.refuseAs(ctx, domain.ActionLoginFailed, by, id, user, cause)
}

func (s *Service) refuseAs(
	ctx context.Context, action domain.Action, by domain.Principal, id domain.DirectoryID, user domain.UserID, cause error,
) error {
	failure := domain.ErrRedirectLogin.Because(cause)
	reason := cause.Error()
	if known, ok := errors.AsType[*fault.Error](cause); ok {
		failure = known
		switch {
		case known.Kind == fault.Unauthenticated, known.Kind == fault.Forbidden,
			errors.Is(known, domain.ErrDirectoryUnavailable):
			reason = reasonOf(known)
		default:
			return cause
		}
	}
	entry := s.deps.AuditWriter.Entry(by, action, string(user), audit.ActedBy(user), audit.Failed(reason),
		audit.Detail("method", "oidc"), audit.Detail("directory", string(id)), directory.CauseOf(cause))
	if err := s.deps.AuditWriter.Write(ctx, entry); err != nil {
		return err
	}
	return failure
}

// reasonOf returns the private cause, which is the reason for the audit log, or else the code.
func reasonOf(f *fault.Error) string {
	if errors.Is(f, directory.ErrNotProvisioned) {
		return "not_provisioned"
	}
	if errors.Is(f, domain.ErrDirectoryUnavailable) {
		return f.Code
	}
	if cause := errors.Unwrap(f); cause != nil {
		return cause.Error()
	}
	return f.Code
}
