package auth

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// graceFor is how long the client that replaced a refresh token may get its successor again, even after the successor
// was used: browser tabs refresh in parallel.
const graceFor = 10 * time.Second

// errReused means that a refresh token was used before.
var errReused = errors.New("refresh token reused")

// Refresh replaces a refresh token by its successor and issues a new access token. An invalid token, or one of an ended
// session, is fault.ErrUnauthorized. A token that was replaced before ends the whole session, with two exceptions that
// return the same successor again: the same client (by address or user agent) repeats the request within ten seconds,
// or the service has accepted neither the successor nor an access token issued with it. A client that lost the response
// can therefore retry from anywhere, for as long as the session lives.
func (s *Service) Refresh(ctx context.Context, by domain.Principal, token string) (SignedIn, error) {
	id, counter, ok := opaquetoken.ParseRefresh(token)
	if !ok {
		return SignedIn{}, fault.ErrUnauthorized
	}
	live, catalog, err := s.readLive(ctx, id)
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
	return SignedIn{
		User: *live.User, Session: session, Tokens: tokens, Scope: s.scope(catalog, live.User, &session),
	}, nil
}

// rotate advances the family from the counter, keeps it where the counter's successor may be returned again, and
// refuses everything else. Returning an unused successor again requires a write of its own. That write is conditional
// on the state that was read, so it fails if any node accepts a token of that generation in the meantime.
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

// endReused ends a session whose refresh token two parties hold, and notifies its user.
func (s *Service) endReused(ctx context.Context, by domain.Principal, live domain.LiveSession) error {
	messages, err := s.deps.Emails.RefreshReuse(*live.User, by.Origin)
	if err != nil {
		return err
	}
	_, err = s.deps.Users.Update(ctx, live.User.ID, func(u *domain.User, out *domain.Outbox) error {
		if !u.EndSession(live.Session.ID) {
			return domain.ErrUnchanged
		}
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionTokenRefreshReuse, string(u.ID), audit.ActedBy(u.ID),
			audit.Failed("refresh_token_reused"), audit.Detail("session_id", string(live.Session.ID))))
		out.Send(messages...)
		return nil
	})
	if err != nil {
		return err
	}
	return fault.ErrUnauthorized.Because(errReused)
}

// readLive returns the session if it is currently live, with the catalog in force. Anything else is
// fault.ErrUnauthorized.
func (s *Service) readLive(ctx context.Context, id domain.SessionID) (domain.LiveSession, *domain.Catalog, error) {
	live, err := s.deps.View.Lookup(ctx, id)
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
	if live.User.Status != domain.StatusActive ||
		!s.deps.Clock.Now().Before(live.Session.EndsAt(catalog.Settings.Session)) {
		return live, nil, fault.ErrUnauthorized
	}
	return live, catalog, nil
}
