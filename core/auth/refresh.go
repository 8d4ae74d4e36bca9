package auth

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// graceFor is how long a replaced refresh token still gives its successor to the client that replaced it, also after the
// successor was used: tabs refresh in parallel.
const graceFor = 10 * time.Second

// errReused is a refresh token that somebody has used before.
var errReused = errors.New("refresh token reused")

// Refresh replaces a refresh token by its successor, with a new access token. A token that is not genuine, or whose session is over,
// is fault.ErrUnauthorized. One that was replaced before ends the whole session, with two exceptions that give the same
// successor again: the same client (by address or user agent) asks within ten seconds, or the service has accepted neither
// the successor nor an access token that was issued with it. A client that lost the answer can therefore ask again, from
// anywhere and for as long as the session lives.
func (s *Service) Refresh(ctx context.Context, by domain.Principal, token string) (SignedIn, error) {
	id, counter, err := parseRefreshToken(token)
	if err != nil {
		return SignedIn{}, err
	}
	live, catalog, err := s.lookLive(ctx, id)
	if err != nil {
		return SignedIn{}, err
	}
	genuine, err := s.isGenuine(live.Session, token, counter)
	if err != nil {
		return SignedIn{}, err
	}
	if !genuine || live.Session.Kind != domain.SessionLogin {
		return SignedIn{}, fault.ErrUnauthorized
	}
	session, err := s.deps.Sessions.Update(ctx, id, func(x *domain.Session, _ *domain.Outbox) error {
		return rotate(x, counter, by.Origin, s.deps.Clock.Now().UTC())
	})
	switch {
	case errors.Is(err, errReused):
		return SignedIn{}, s.endReused(ctx, by, live)
	case errors.Is(err, domain.ErrSessionNotFound):
		return SignedIn{}, fault.ErrUnauthorized
	case err != nil:
		return SignedIn{}, err
	}
	tokens, err := s.tokens(ctx, &session)
	if err != nil {
		return SignedIn{}, err
	}
	result := SignedIn{User: *live.User, Session: session, Tokens: tokens}
	if s.enrolmentOnly(catalog, live.User, &session) {
		result.Scope = domain.ScopeEnrollment
	}
	return result, nil
}

// rotate moves the family on from the counter, keeps it where the counter's successor may be given again, and refuses
// everything else. The successor that nobody has used is given by a write of its own: the write is conditional on the state
// that was read, so it fails when a token of that generation is accepted meanwhile, whatever node accepts it.
func rotate(x *domain.Session, counter int64, from domain.Origin, now time.Time) error {
	f := &x.Refresh
	switch {
	case counter == f.Counter:
		f.Counter, f.RotatedAt, f.IPAddress, f.UserAgent, f.Unseen = counter+1, now, from.IP(), from.UserAgent, true
	case counter == f.Counter-1 && f.Unseen:
	case counter == f.Counter-1 && now.Sub(f.RotatedAt) <= graceFor && sameClient(f, from):
		return domain.ErrUnchanged
	default:
		return errReused
	}
	if now.After(x.LastActivity) {
		x.LastActivity = now
	}
	return nil
}

func sameClient(f *domain.RefreshFamily, from domain.Origin) bool {
	return f.IPAddress == from.IP() || f.UserAgent != "" && f.UserAgent == from.UserAgent
}

// endReused ends a session whose refresh token two parties hold, and tells its user.
func (s *Service) endReused(ctx context.Context, by domain.Principal, live domain.LiveSession) error {
	messages, err := s.deps.Composer.RefreshReuse(*live.User, by.Origin)
	if err != nil {
		return err
	}
	_, err = s.deps.Users.Update(ctx, live.User.ID, func(u *domain.User, out *domain.Outbox) error {
		if !u.EndSession(live.Session.ID) {
			return domain.ErrUnchanged
		}
		out.Record(s.deps.Journal.Entry(by, domain.ActionTokenRefreshReuse, string(u.ID), audit.ActedBy(u.ID),
			audit.Failed("refresh_token_reused"), audit.Detail("session_id", string(live.Session.ID))))
		out.Send(messages...)
		return nil
	})
	if err != nil {
		return err
	}
	return fault.ErrUnauthorized.Because(errReused)
}

// lookLive returns the session if it is live at this moment, with the catalog in force; anything else is fault.ErrUnauthorized.
func (s *Service) lookLive(ctx context.Context, id domain.SessionID) (domain.LiveSession, *domain.Catalog, error) {
	live, err := s.deps.View.Look(ctx, id)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return live, nil, fault.ErrUnauthorized
	}
	if err != nil {
		return live, nil, err
	}
	catalog, err := s.deps.Catalog.CatalogAt(ctx, live.Catalog)
	if err != nil {
		return live, nil, err
	}
	if live.User.Status != domain.StatusActive || !s.deps.Clock.Now().Before(live.Session.EndsAt(catalog.Settings.Session)) {
		return live, nil, fault.ErrUnauthorized
	}
	return live, catalog, nil
}
