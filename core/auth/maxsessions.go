package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// errUnknownActivity means that the session limit requires ending a session, but the activity of the user's sessions
// has not been read: other logins have completed in the meantime.
var errUnknownActivity = errors.New("a session has to go")

// activity is the known activity of the listed sessions of a user.
type activity struct {
	read []domain.SessionID             // the sessions that were read; nil if none were
	live map[domain.SessionID]time.Time // last activity of the live sessions
}

// isOver reports whether the session was read and had ended.
func (a activity) isOver(id domain.SessionID) bool {
	_, live := a.live[id]
	return !live && slices.Contains(a.read, id)
}

// activity returns the activity of the user's sessions if so many are listed that one may have to end.
func (s *Service) activity(ctx context.Context, b *sessionRequest, policy domain.SessionPolicy) (activity, error) {
	switch {
	case len(b.user.Sessions) < policy.MaxSessions:
		return activity{}, nil
	case b.lookup != nil && b.lookup.Sessions != nil:
		return s.activityOf(b.lookup.User.Sessions, b.lookup.Sessions, policy), nil
	}
	return s.readActivity(ctx, b, policy)
}

// readActivity reads all sessions that the user lists.
func (s *Service) readActivity(ctx context.Context, b *sessionRequest, policy domain.SessionPolicy) (activity, error) {
	sessions, err := s.deps.Logins.LookupSessions(ctx, idsOf(b.user.Sessions)...)
	if err != nil {
		return activity{}, err
	}
	return s.activityOf(b.user.Sessions, sessions, policy), nil
}

func (s *Service) activityOf(listed []domain.SessionRef, sessions []domain.Session,
	policy domain.SessionPolicy,
) activity {
	now := s.deps.Clock.Now()
	a := activity{read: idsOf(listed), live: make(map[domain.SessionID]time.Time, len(sessions))}
	for i := range sessions {
		if now.Before(sessions[i].EndsAt(policy)) {
			a.live[sessions[i].ID] = sessions[i].LastActivity
		}
	}
	return a
}

func idsOf(listed []domain.SessionRef) []domain.SessionID {
	ids := make([]domain.SessionID, len(listed))
	for i, ref := range listed {
		ids[i] = ref.ID
	}
	return ids
}

// list adds the session to the user's list. It removes the sessions that have ended and, beyond the limit, the least
// recently used ones, which it returns. A session that started in the meantime and has no known activity counts as used
// just now.
func list(u *domain.User, session *domain.Session, limit int, seen activity) (ended []domain.SessionID, err error) {
	used := func(ref domain.SessionRef) time.Time {
		if at, ok := seen.live[ref.ID]; ok {
			return at
		}
		return session.CreatedAt
	}
	u.Sessions = slices.DeleteFunc(slices.Clone(u.Sessions), func(ref domain.SessionRef) bool {
		return !session.CreatedAt.Before(ref.ExpiresAt) || seen.isOver(ref.ID)
	})
	if over := len(u.Sessions) + 1 - limit; over > 0 {
		if seen.read == nil && limit > 1 {
			return nil, errUnknownActivity
		}
		slices.SortStableFunc(u.Sessions, func(a, b domain.SessionRef) int { return used(a).Compare(used(b)) })
		for _, ref := range u.Sessions[:over] {
			ended = append(ended, ref.ID)
		}
		u.Sessions = u.Sessions[over:]
	}
	u.Sessions = append(u.Sessions, domain.SessionRef{
		ID: session.ID, ExpiresAt: session.ExpiresAt,
		StartedAt: session.CreatedAt,
	})
	return ended, nil
}
