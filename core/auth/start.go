package auth

import (
	"context"
	"crypto/rand"
	"errors"
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
	look     *domain.LoginLook // that the sign-in began with; nil for other ways in
}

// start makes a session and lists it in its user, in one write with the entry of the sign-in and the sessions that have to
// go for it. Until that write nothing of it is live.
func (s *Service) start(ctx context.Context, by domain.Principal, catalog *domain.Catalog, b beginning) (SignedIn, error) {
	seen, err := s.activity(ctx, &b, catalog.Settings.Session)
	if err != nil {
		return SignedIn{}, err
	}
	signedIn, err := s.begin(ctx, by, catalog, &b, seen)
	if !errors.Is(err, errUnseen) {
		return signedIn, err
	}
	if b.user, err = s.deps.Users.Get(ctx, b.user.ID); err != nil {
		return SignedIn{}, err
	}
	if seen, err = s.look(ctx, &b, catalog.Settings.Session); err != nil {
		return SignedIn{}, err
	}
	return s.begin(ctx, by, catalog, &b, seen)
}

func (s *Service) begin(ctx context.Context, by domain.Principal, catalog *domain.Catalog, b *beginning, seen activity) (SignedIn, error) {
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
		out.Record(s.deps.Journal.Entry(by, domain.ActionLogin, string(u.ID), audit.ActedBy(u.ID), b.detail,
			audit.Detail("session_id", string(session.ID)), audit.Detail("methods", session.Methods)))
		gone, err := list(u, &session, catalog.Settings.Session.MaxSessions, seen)
		for _, ended := range gone {
			out.Record(s.deps.Journal.Entry(by, domain.ActionSessionRevoke, string(u.ID), audit.ActedBy(u.ID),
				audit.Detail("session_id", string(ended)), audit.Detail("reason", "max_sessions")))
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	result := SignedIn{User: user, Session: session, Tokens: tokens}
	if s.enrolmentOnly(catalog, &user, &session) {
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

func (s *Service) newSession(by domain.Principal, catalog *domain.Catalog, b *beginning) (domain.Session, error) {
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
	return session, s.sealProvider(&session, b)
}

// enrolmentOnly reports whether the user must have a second factor and has none, here or at the provider of the session.
// The session that switched the duty on is spared for a while.
func (s *Service) enrolmentOnly(catalog *domain.Catalog, u *domain.User, session *domain.Session) bool {
	return catalog.Settings.TwoFactor.Requires(u.Role) && !u.Factor.IsOn() && !session.HasProviderFactor() &&
		!catalog.Settings.Grace.Covers(session.ID, s.deps.Clock.Now())
}
