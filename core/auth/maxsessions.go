package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// errUnseen means that a session has to go for a new one, and that nobody has looked which was used least recently: others
// have signed in meanwhile.
var errUnseen = errors.New("a session has to go")

// activity is what is known of the listed sessions of a user.
type activity struct {
	looked []domain.SessionID             // the sessions that were looked at; nil when nobody has looked
	live   map[domain.SessionID]time.Time // when those of them that live were last active
}

// isOver reports whether the session was looked at and found to be over.
func (a activity) isOver(id domain.SessionID) bool {
	_, live := a.live[id]
	return !live && slices.Contains(a.looked, id)
}

// activity returns what is known of the user's sessions, where so many are listed that one may have to go.
func (s *Service) activity(ctx context.Context, b *beginning, policy domain.SessionPolicy) (activity, error) {
	switch {
	case len(b.user.Sessions) < policy.MaxSessions:
		return activity{}, nil
	case b.look != nil && b.look.Sessions != nil:
		return s.seen(b.look.User.Sessions, b.look.Sessions, policy), nil
	}
	return s.look(ctx, b, policy)
}

// look looks at all sessions that the user lists.
func (s *Service) look(ctx context.Context, b *beginning, policy domain.SessionPolicy) (activity, error) {
	sessions, err := s.deps.Logins.LookSessions(ctx, idsOf(b.user.Sessions)...)
	if err != nil {
		return activity{}, err
	}
	return s.seen(b.user.Sessions, sessions, policy), nil
}

func (s *Service) seen(listed []domain.SessionRef, sessions []domain.Session, policy domain.SessionPolicy) activity {
	now := s.deps.Clock.Now()
	a := activity{looked: idsOf(listed), live: make(map[domain.SessionID]time.Time, len(sessions))}
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

// list puts the session on the user's list and takes off those that are over and, beyond the limit, the least recently used
// ones, which it returns. A session that started in the meantime, of which no activity is known, counts as used just now.
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
		if seen.looked == nil && limit > 1 {
			return nil, errUnseen
		}
		slices.SortStableFunc(u.Sessions, func(a, b domain.SessionRef) int { return used(a).Compare(used(b)) })
		for _, ref := range u.Sessions[:over] {
			ended = append(ended, ref.ID)
		}
		u.Sessions = u.Sessions[over:]
	}
	u.Sessions = append(u.Sessions, domain.SessionRef{ID: session.ID, ExpiresAt: session.ExpiresAt, StartedAt: session.CreatedAt})
	return ended, nil
}
