package auth

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// Logout ends the session of a refresh token (any token of its family), of a bearer token, or both. An invalid token or
// one of an ended session changes nothing and returns no error (RFC 7009 section 2.2). An API key or a third-party
// token has no session: it is fault.ErrForbidden, and no session named in the same call is ended.
func (s *Service) Logout(ctx context.Context, by domain.Principal, refresh, bearer string) error {
	session, err := s.sessionOfBearer(ctx, by, bearer)
	if err != nil {
		return err
	}
	if refresh != "" {
		if err := s.endByRefresh(ctx, by, refresh); err != nil {
			return err
		}
	}
	if session == "" {
		return nil
	}
	return s.logout(ctx, by, session)
}

// sessionOfBearer returns the session of a bearer token, or none for an invalid or expired token.
func (s *Service) sessionOfBearer(ctx context.Context, by domain.Principal, bearer string) (domain.SessionID, error) {
	if by.Kind == domain.PrincipalAPIKey || by.Kind == domain.PrincipalTPT {
		return "", fault.ErrForbidden
	}
	if bearer == "" {
		return "", nil
	}
	principal, err := s.Authenticate(ctx, bearer, by.Origin)
	switch {
	case errors.Is(err, fault.ErrUnauthorized):
		return "", nil
	case err != nil:
		return "", err
	case principal.SessionID == "":
		return "", fault.ErrForbidden
	}
	return principal.SessionID, nil
}

func (s *Service) endByRefresh(ctx context.Context, by domain.Principal, token string) error {
	id, counter, ok := opaquetoken.ParseRefresh(token)
	if !ok {
		return nil // an invalid token has no session to end
	}
	session, err := s.deps.Sessions.Get(ctx, id)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	genuine, err := s.isGenuine(&session, token, counter)
	if err != nil || !genuine {
		return err
	}
	return s.logout(ctx, by, id)
}

func (s *Service) logout(ctx context.Context, by domain.Principal, id domain.SessionID) error {
	session, err := s.deps.Sessions.Get(ctx, id)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.end(ctx, session, s.ended(by, domain.ActionLogout, &session, audit.ActedBy(session.UserID)))
}

// end removes the session from its user's list, with the entry in the same write, and then records the time in the
// session record. From the first write on, no request is authenticated with the session.
func (s *Service) end(ctx context.Context, session domain.Session, entry domain.AuditEntry) error {
	listed := false
	_, err := s.deps.Users.Update(ctx, session.UserID, func(u *domain.User, out *domain.Outbox) error {
		if listed = u.EndSession(session.ID); !listed {
			return domain.ErrUnchanged
		}
		out.Record(entry)
		return nil
	})
	if errors.Is(err, domain.ErrUserNotFound) || err == nil && !listed {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.noteEnd(ctx, session.ID)
	return err
}

// noteEnd records the time at which a session ended. Later calls keep the first time.
func (s *Service) noteEnd(ctx context.Context, id domain.SessionID) (domain.Session, error) {
	return s.deps.Sessions.Update(ctx, id, func(x *domain.Session, _ *domain.Outbox) error {
		if !x.EndedAt.IsZero() {
			return domain.ErrUnchanged
		}
		x.EndedAt = s.deps.Clock.Now().UTC()
		return nil
	})
}
