package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// errStale means that the verified state is outdated: the password or the status changed in the meantime.
var errStale = errors.New("the user changed during login")

// sessionRequest holds the parameters of a new session.
type sessionRequest struct {
	user     domain.User
	kind     domain.SessionKind
	remember bool
	methods  []string
	provider domain.ProviderSession
	grant    string                     // of the provider; stored sealed
	idToken  string                     // of the provider; stored sealed
	authTime time.Time                  // at the provider; zero means now
	checked  *domain.PasswordCredential // the verified credential; nil for external directories
	newHash  string                     // replaces the hash of the verified credential
	detail   audit.Option
	lookup   *domain.LoginSnapshot // the lookup at the start of the login; nil for other ways to start a session
}

// start creates a session and lists it in its user, in one write with the audit entry and the sessions that end because
// of the limit. Until that write nothing of the session is live.
func (s *Service) start(ctx context.Context, by domain.Principal, catalog *domain.Catalog, b sessionRequest) (SignedIn,
	error,
) {
	seen, err := s.activity(ctx, &b, catalog.Settings.Session)
	if err != nil {
		return SignedIn{}, err
	}
	signedIn, err := s.begin(ctx, by, catalog, &b, seen)
	if !errors.Is(err, errUnknownActivity) {
		return signedIn, err
	}
	if b.user, err = s.deps.Users.Get(ctx, b.user.ID); err != nil {
		return SignedIn{}, err
	}
	if seen, err = s.readActivity(ctx, &b, catalog.Settings.Session); err != nil {
		return SignedIn{}, err
	}
	return s.begin(ctx, by, catalog, &b, seen)
}

func (s *Service) begin(ctx context.Context, by domain.Principal, catalog *domain.Catalog, b *sessionRequest,
	seen activity,
) (SignedIn, error) {
	session, err := s.newSession(by, catalog, b)
	if err != nil {
		return SignedIn{}, err
	}
	tokens, err := s.firstTokens(ctx, &session)
	if err != nil {
		return SignedIn{}, err
	}
	user, err := s.deps.Sessions.Begin(ctx, session, func(u *domain.User, out *domain.Outbox) error {
		if err := b.apply(u, session.CreatedAt); err != nil {
			return err
		}
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionLogin, string(u.ID), audit.ActedBy(u.ID), b.detail,
			audit.Detail("session_id", string(session.ID)), audit.Detail("methods", session.Methods)))
		ended, err := list(u, &session, catalog.Settings.Session.MaxSessions, seen)
		for _, id := range ended {
			out.Record(s.deps.AuditWriter.Entry(by, domain.ActionSessionRevoke, string(u.ID), audit.ActedBy(u.ID),
				audit.Detail("session_id", string(id)), audit.Detail("reason", "max_sessions")))
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: user, Session: session, Tokens: tokens, Scope: s.scope(catalog, &user, &session)}, nil
}

// apply checks that the user is unchanged since the check, and makes the changes of a login.
func (b *sessionRequest) apply(u *domain.User, now time.Time) error {
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

func (s *Service) newSession(by domain.Principal, catalog *domain.Catalog, b *sessionRequest) (domain.Session, error) {
	now := s.deps.Clock.Now().UTC()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see crypto/rand
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
	return session, s.sealProvider(&session, b)
}

// scope returns domain.ScopeEnrollment if the user must have a second factor and has none, here or at the provider of
// the session. The session that made the second factor mandatory is exempt for a grace period.
func (s *Service) scope(catalog *domain.Catalog, u *domain.User, session *domain.Session) domain.Scope {
	if catalog.Settings.TwoFactor.Requires(u.Role) && !u.Factor.IsOn() && !session.HasProviderFactor() &&
		!catalog.Settings.Grace.Covers(session.ID, s.deps.Clock.Now()) {
		return domain.ScopeEnrollment
	}
	return ""
}
