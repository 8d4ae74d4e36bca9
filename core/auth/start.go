package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// errStale means that what was checked is no longer what stands: the password or the status changed in between.
var errStale = errors.New("the user changed while they signed in")

// beginning is what a new session starts from.
type beginning struct {
	user     domain.User
	kind     domain.SessionKind
	remember bool
	methods  []string
	provider domain.ProviderSession
	grant    string                     // of the provider; kept sealed
	idToken  string                     // of the provider; kept sealed
	authTime time.Time                  // at the provider; zero for now
	checked  *domain.PasswordCredential // that was checked; nil for other directories
	newHash  string                     // to keep in its place
	detail   audit.Option
}

// start makes a session and lists it in its user, in one write with the entry of the sign-in and the sessions that have to
// go for it. Until that write nothing of it is live.
func (s *Service) start(ctx context.Context, by domain.Principal, catalog *domain.Catalog, b beginning) (SignedIn, error) {
	session, err := s.newSession(by, catalog, b)
	if err != nil {
		return SignedIn{}, err
	}
	tokens, err := s.firstTokens(ctx, &session)
	if err != nil {
		return SignedIn{}, err
	}
	seen, err := s.activity(ctx, b.user, catalog.Settings.Session)
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.deps.Sessions.Create(ctx, session); err != nil {
		return SignedIn{}, err
	}
	user, err := s.deps.Users.Update(ctx, b.user.ID, func(u *domain.User, out *domain.Outbox) error {
		if err := b.apply(u, session.CreatedAt); err != nil {
			return err
		}
		out.Record(s.deps.Journal.Entry(by, domain.ActionLogin, string(u.ID), audit.ActedBy(u.ID), b.detail,
			audit.Detail("session_id", string(session.ID)), audit.Detail("methods", session.Methods)))
		for _, ended := range list(u, &session, catalog.Settings.Session.MaxSessions, seen) {
			out.Record(s.deps.Journal.Entry(by, domain.ActionSessionRevoke, string(u.ID), audit.ActedBy(u.ID),
				audit.Detail("session_id", string(ended)), audit.Detail("reason", "max_sessions")))
		}
		return nil
	})
	if err != nil {
		return SignedIn{}, err
	}
	result := SignedIn{User: user, Session: session, Tokens: tokens}
	if enrolmentOnly(catalog, &user, &session) {
		result.Scope = domain.ScopeEnrollment
	}
	return result, nil
}

// apply checks that the user is still who was checked, and writes what a sign-in changes.
func (b *beginning) apply(u *domain.User, now time.Time) error {
	if u.Status != domain.StatusActive {
		return errStale
	}
	if b.checked != nil {
		if u.Password == nil || u.Password.Hash != b.checked.Hash {
			return errStale
		}
		if b.newHash != "" {
			u.Password.Hash = b.newHash
		}
	}
	u.LastLogin = now
	return nil
}

func (s *Service) newSession(by domain.Principal, catalog *domain.Catalog, b beginning) (domain.Session, error) {
	now := s.deps.Clock.Now().UTC()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return domain.Session{}, err
	}
	id := domain.SessionID(s.deps.IDs.NewID(domain.SessionPrefix))
	sealed, err := s.deps.Sealer.Seal(key, RefreshBinding(id))
	if err != nil {
		return domain.Session{}, err
	}
	kind := b.kind
	if kind == "" {
		kind = domain.SessionLogin
	}
	session := domain.Session{
		ID: id, UserID: b.user.ID, Kind: kind, CreatedAt: now, LastActivity: now, AuthTime: now, Remember: b.remember,
		ExpiresAt: now.Add(catalog.Settings.Session.RememberFor()), IPAddress: by.Origin.IP(), UserAgent: by.Origin.UserAgent,
		Methods: b.methods, Refresh: domain.RefreshFamily{Key: sealed},
	}
	if !b.authTime.IsZero() && b.authTime.Before(now) {
		session.AuthTime = b.authTime.UTC()
	}
	if b.provider.Directory == "" {
		return session, nil
	}
	return session, s.sealProvider(&session, &b)
}

// activity returns when each of the user's listed sessions that still live was last active, where there are so many that
// one may have to go.
func (s *Service) activity(ctx context.Context, user domain.User, policy domain.SessionPolicy) (map[domain.SessionID]time.Time, error) {
	if len(user.Sessions) == 0 {
		return nil, nil
	}
	now := s.deps.Clock.Now()
	seen := map[domain.SessionID]time.Time{}
	for _, ref := range user.Sessions {
		live, err := s.deps.View.Look(ctx, ref.ID)
		switch {
		case errors.Is(err, domain.ErrSessionNotFound):
		case err != nil:
			return nil, err
		case now.Before(live.Session.EndsAt(policy)):
			seen[ref.ID] = live.Session.LastActivity
		}
	}
	return seen, nil
}

// list puts the session on the user's list and takes off those that are over and, beyond the limit, the least recently used
// ones, which it returns. A session that started in the meantime, of which no activity is known, counts as used just now.
func list(u *domain.User, session *domain.Session, limit int, seen map[domain.SessionID]time.Time) (ended []domain.SessionID) {
	used := func(ref domain.SessionRef) time.Time {
		if at, ok := seen[ref.ID]; ok {
			return at
		}
		return session.CreatedAt
	}
	known := u.Sessions
	u.Sessions = slices.DeleteFunc(slices.Clone(known), func(ref domain.SessionRef) bool {
		return !session.CreatedAt.Before(ref.ExpiresAt) || isOver(ref, session.CreatedAt, seen)
	})
	slices.SortStableFunc(u.Sessions, func(a, b domain.SessionRef) int { return used(a).Compare(used(b)) })
	if over := len(u.Sessions) + 1 - limit; over > 0 {
		for _, ref := range u.Sessions[:over] {
			ended = append(ended, ref.ID)
		}
		u.Sessions = u.Sessions[over:]
	}
	u.Sessions = append(u.Sessions, domain.SessionRef{ID: session.ID, ExpiresAt: session.ExpiresAt, StartedAt: session.CreatedAt})
	return ended
}

// isOver reports whether a listed session was looked at and found to be over: it began before this sign-in did and no
// activity of it counts.
func isOver(ref domain.SessionRef, started time.Time, seen map[domain.SessionID]time.Time) bool {
	_, live := seen[ref.ID]
	return !live && ref.StartedAt.Before(started.Add(-time.Minute))
}

// enrolmentOnly reports whether the user must have a second factor and has none, here or at the provider of the session.
func enrolmentOnly(catalog *domain.Catalog, u *domain.User, session *domain.Session) bool {
	return catalog.Settings.TwoFactor.Requires(u.Role) && !u.Factor.IsOn() && !session.HasProviderFactor()
}
