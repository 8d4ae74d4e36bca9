package auth

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// SessionInfo is a live session with the fields for display.
type SessionInfo struct {
	Session  domain.Session
	Location string // display text; empty if unknown
	Current  bool   // the session of the request
}

// SessionPage is one page of live sessions.
type SessionPage struct {
	Sessions []SessionInfo
	domain.PageInfo
}

// List returns one page of the user's live sessions, the newest first. It is for the user or requires sessions.manage.
// To a principal without users.read the user does not exist; others without the permission get fault.ErrForbidden. List
// reads all sessions of the user: max_sessions bounds them.
func (s *Service) List(ctx context.Context, by domain.Principal, id domain.UserID, page domain.Page) (SessionPage,
	error,
) {
	user, err := s.manageable(ctx, by, id)
	if err != nil {
		return SessionPage{}, err
	}
	if after := page.After; after != nil {
		if _, err := strconv.ParseInt(after.Key, 10, 64); err != nil {
			return SessionPage{}, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
		}
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return SessionPage{}, err
	}
	sessions, err := s.deps.Logins.LookupSessions(ctx, idsOf(user.Sessions)...)
	if err != nil {
		return SessionPage{}, err
	}
	now := s.deps.Clock.Now()
	sessions = slices.DeleteFunc(sessions, func(session domain.Session) bool {
		return !now.Before(session.EndsAt(catalog.Settings.Session))
	})
	slices.SortFunc(sessions, func(a, b domain.Session) int { return compareSession(a, sessionPosition(b)) })
	sessions, info := domain.CutPage(sessions, page, sessionPosition, compareSession)
	found := SessionPage{PageInfo: info}
	for _, session := range sessions {
		info := SessionInfo{Session: session, Current: session.ID == by.SessionID}
		if s.deps.Locator != nil {
			info.Location = s.deps.Locator.Locate(session.IPAddress)
		}
		found.Sessions = append(found.Sessions, info)
	}
	return found, nil
}

func sessionPosition(s domain.Session) domain.Cursor {
	return domain.Cursor{Sort: domain.SortSessions, Key: strconv.FormatInt(s.CreatedAt.UnixNano(), 10), ID: string(s.ID)}
}

// compareSession orders sessions by their start, the newest first.
func compareSession(s domain.Session, at domain.Cursor) int {
	key, _ := strconv.ParseInt(at.Key, 10, 64) // List has already validated the key
	return cmp.Or(cmp.Compare(key, s.CreatedAt.UnixNano()), cmp.Compare(at.ID, string(s.ID)))
}

// manageable returns the user if by may see their sessions: the user, or a principal with sessions.manage. An API key
// is not its owner: it needs sessions.manage for the sessions of its owner too.
func (s *Service) manageable(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.User{}, err
	}
	may := by.IsSelf(id) || by.Can(domain.SessionsManage)
	if !may && !by.BelongsTo(id) && !by.Can(domain.UsersRead) {
		return domain.User{}, domain.ErrUserNotFound
	}
	user, err := s.deps.Users.Get(ctx, id)
	if err != nil {
		return domain.User{}, err
	}
	if !may {
		return domain.User{}, fault.ErrForbidden
	}
	return user, nil
}

// Revoke ends one session of the principal, or any session with sessions.manage, and returns the time at which it
// ended. Repeated calls return the same time. Without the permission it returns domain.ErrSessionNotFound, and
// fault.ErrForbidden if the session's user has more permissions than the principal.
func (s *Service) Revoke(ctx context.Context, by domain.Principal, id domain.SessionID) (time.Time, error) {
	session, err := s.revocable(ctx, by, id)
	if err != nil {
		return time.Time{}, err
	}
	if err := s.end(ctx, session, s.ended(by, domain.ActionSessionRevoke, &session)); err != nil {
		return time.Time{}, err
	}
	session, err = s.noteEnd(ctx, id)
	return session.EndedAt, err
}

// revocable returns the session if the principal may end it.
func (s *Service) revocable(ctx context.Context, by domain.Principal, id domain.SessionID) (domain.Session, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.Session{}, err
	}
	session, err := s.deps.Sessions.Get(ctx, id)
	if err != nil {
		return domain.Session{}, err
	}
	if !by.IsSelf(session.UserID) && !by.Can(domain.SessionsManage) {
		return domain.Session{}, domain.ErrSessionNotFound
	}
	return session, s.mayEnd(ctx, by, session.UserID)
}

// RevokeAll ends the user's sessions, with exceptCurrent all but the principal's own, and returns how many it ended.
func (s *Service) RevokeAll(ctx context.Context, by domain.Principal, id domain.UserID, exceptCurrent bool) (int,
	error,
) {
	if err := s.MayRevokeAll(ctx, by, id); err != nil {
		return 0, err
	}
	keep := domain.SessionID("")
	if exceptCurrent {
		keep = by.SessionID
	}
	var ended []domain.SessionID
	_, err := s.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if ended = u.EndSessionsExcept(keep); len(ended) == 0 {
			return domain.ErrUnchanged
		}
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionSessionRevoke, string(u.ID),
			audit.Detail("sessions", len(ended))))
		return nil
	})
	return len(ended), err
}

// mayEnd prevents ending the sessions of a user with more permissions than the principal.
func (s *Service) mayEnd(ctx context.Context, by domain.Principal, id domain.UserID) error {
	if by.IsSelf(id) {
		return nil
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	user, err := s.deps.Users.Get(ctx, id)
	if err != nil {
		return err
	}
	return access.CheckActOn(catalog, by, &user)
}
