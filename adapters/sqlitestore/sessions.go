package sqlitestore

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Sessions implements ports.SessionStore.
type Sessions struct{ s *Store }

// Sessions returns the store of sessions.
func (s *Store) Sessions() *Sessions { return &Sessions{s} }

// Create stores a new session.
func (ss *Sessions) Create(ctx context.Context, session domain.Session) error {
	// Soft, since the session is live only after its user lists it, which is a later write.
	return ss.s.writer.doSoft(ctx, func(t *tx) error {
		var listed bool // the ID occurs nowhere else in the document
		err := t.get(nil, "SELECT instr(doc, ?) > 0 FROM users WHERE id = ?",
			[]any{string(session.ID), string(session.UserID)}, &listed)
		if err != nil {
			return err
		}
		return insertSession(t, &session, listed)
	})
}

// Begin stores a new session and changes its user in one transaction.
func (ss *Sessions) Begin(ctx context.Context, session domain.Session, change ports.Change[domain.User]) (domain.User,
	error,
) {
	var result domain.User
	err := ss.s.writer.do(ctx, func(t *tx) error {
		var err error
		if result, err = ss.s.updateUser(t, session.UserID, change); err != nil {
			return err
		}
		return insertSession(t, &session, result.ListsSession(session.ID))
	})
	return result, err
}

func insertSession(t *tx, session *domain.Session, listed bool) error {
	doc, err := encode(records.NewSession(session))
	if err != nil {
		return err
	}
	return t.execNew(`INSERT OR IGNORE INTO sessions
		(id, user_id, created, expires, listed, last_activity_ns, provider, provider_subject, provider_session, grant_checked, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(session.ID), string(session.UserID), stamp(session.CreatedAt), stamp(session.ExpiresAt), listed,
		toNano(session.LastActivity),
		string(session.Provider.Directory), string(session.Provider.Subject), session.Provider.ID, grantChecked(session), doc)
}

// grantChecked returns the time of the last check with the provider, or nil if the session has no grant.
func grantChecked(s *domain.Session) any {
	if len(s.Provider.Grant) == 0 {
		return nil
	}
	return stamp(s.Provider.CheckedAt)
}

// Get returns the session with this ID.
func (ss *Sessions) Get(ctx context.Context, id domain.SessionID) (domain.Session, error) {
	return ss.s.readSession(ctx, id)
}

func (s *Store) readSession(ctx context.Context, id domain.SessionID) (domain.Session, error) {
	var doc string
	var activity int64
	noted := latestOf(s.view.active, id, time.Time{}) // before the query: what a flush removes later is stored
	err := s.reads.get(ctx, domain.ErrSessionNotFound, "SELECT doc, last_activity_ns FROM sessions WHERE id = ?",
		[]any{string(id)}, &doc, &activity)
	if err != nil {
		return domain.Session{}, err
	}
	session, err := s.toSession(doc, activity)
	session.LastActivity = later(session.LastActivity, noted)
	return session, err
}

// toSession decodes a session and adds the last activity that is not stored yet.
func (s *Store) toSession(doc string, activity int64) (domain.Session, error) {
	session, err := decodeSession(doc, activity)
	session.LastActivity = latestOf(s.view.active, session.ID, session.LastActivity)
	return session, err
}

// Update applies change to the session in one transaction.
func (ss *Sessions) Update(ctx context.Context, id domain.SessionID,
	change ports.Change[domain.Session],
) (domain.Session, error) {
	var result domain.Session
	err := ss.s.writer.do(ctx, func(t *tx) error {
		var doc string
		var activity int64
		err := t.get(domain.ErrSessionNotFound, "SELECT doc, last_activity_ns FROM sessions WHERE id = ?", []any{string(id)},
			&doc, &activity)
		if err != nil {
			return err
		}
		before, err := ss.s.toSession(doc, activity)
		if err != nil {
			return err
		}
		result, err = applyChange(ss.s, t, before, before.Clone(), change, func(session *domain.Session) error {
			session.ID = id
			return ss.s.replaceSession(t, &before, session.Clone())
		})
		return err
	})
	return result, err
}

// replaceSession writes the changed columns. A token refresh changes no indexed column.
func (s *Store) replaceSession(t *tx, before *domain.Session, session domain.Session) error {
	doc, err := encode(records.NewSession(&session))
	if err != nil {
		return err
	}
	if sameSessionKeys(before, &session) {
		err = t.exec("UPDATE sessions SET last_activity_ns = ?, doc = ? WHERE id = ?", toNano(session.LastActivity), doc,
			string(session.ID))
	} else {
		err = t.exec(`UPDATE sessions SET user_id = ?, created = ?, expires = ?, last_activity_ns = ?,
			provider = ?, provider_subject = ?, provider_session = ?, grant_checked = ?, doc = ? WHERE id = ?`,
			string(session.UserID), stamp(session.CreatedAt), stamp(session.ExpiresAt), toNano(session.LastActivity),
			string(session.Provider.Directory), string(session.Provider.Subject), session.Provider.ID, grantChecked(
				&session), doc, string(session.ID))
	}
	if err != nil {
		return err
	}
	t.onCommit(func() {
		s.view.sessions.put(session.ID, &session)
		s.view.refresh(session.ID, session.LastActivity)
	})
	return nil
}

func sameSessionKeys(a, b *domain.Session) bool {
	return a.UserID == b.UserID && stamp(a.CreatedAt) == stamp(b.CreatedAt) && stamp(a.ExpiresAt) == stamp(b.ExpiresAt) &&
		a.Provider.Directory == b.Provider.Directory && a.Provider.Subject == b.Provider.Subject &&
		a.Provider.ID == b.Provider.ID &&
		grantChecked(a) == grantChecked(b)
}

const sessionColumns = "SELECT doc, last_activity_ns FROM sessions "

// ListByUser returns the user's sessions, newest first.
func (ss *Sessions) ListByUser(ctx context.Context, id domain.UserID) ([]domain.Session, error) {
	return ss.list(ctx, sessionColumns+"WHERE user_id = ? ORDER BY created DESC, rowid DESC", string(id))
}

// ListByProvider returns the sessions that belong to a provider's session, or all sessions of a subject if session is
// empty.
func (ss *Sessions) ListByProvider(ctx context.Context, directory domain.DirectoryID, subject domain.Subject,
	session string,
) ([]domain.Session, error) {
	if directory == "" {
		return nil, nil
	}
	const ofDirectory = sessionColumns + "WHERE provider = ? AND provider <> '' AND "
	if session == "" {
		return ss.list(ctx, ofDirectory+"provider_subject = ?", string(directory), string(subject))
	}
	// A logout token may contain only the session ID (OpenID Connect Back-Channel Logout 1.0, section 2.4).
	return ss.list(ctx, ofDirectory+"provider_session = ? AND ? IN ('', provider_subject)", string(directory), session,
		string(subject))
}

// ListProviderGrants returns sessions with a provider's grant that was last checked before the given time.
func (ss *Sessions) ListProviderGrants(ctx context.Context, checkedBefore time.Time, limit int) ([]domain.Session,
	error,
) {
	return ss.list(ctx, sessionColumns+
		"WHERE grant_checked IS NOT NULL AND grant_checked < ? ORDER BY grant_checked LIMIT 0+?", stamp(checkedBefore), limit)
}

func (ss *Sessions) list(ctx context.Context, query string, args ...any) ([]domain.Session, error) {
	var sessions []domain.Session
	err := ss.s.reads.each(ctx, into(&sessions, func(rows rowScanner) (domain.Session, error) {
		var doc string
		var activity int64
		if err := rows.Scan(&doc, &activity); err != nil {
			return domain.Session{}, fmt.Errorf("reading sessions: %w", err)
		}
		return ss.s.toSession(doc, activity)
	}), query, args...)
	return sessions, err
}

// Sweep deletes up to limit sessions that are expired, or that were created before madeBefore and are not listed by a
// user.
func (ss *Sessions) Sweep(ctx context.Context, now, madeBefore time.Time, limit int) (int, error) {
	var removed int
	err := ss.s.writer.do(ctx, func(t *tx) error {
		removed = 0
		var ids []string
		gather := into(&ids, scanValue[string])
		err := t.each(gather, "SELECT id FROM sessions WHERE expires <= ? ORDER BY expires LIMIT 0+?", stamp(now), limit)
		if err != nil {
			return err
		}
		err = t.each(gather, "SELECT id FROM sessions WHERE listed = 0 AND created < ? ORDER BY created LIMIT 0+?",
			stamp(madeBefore), limit-len(ids))
		if err != nil {
			return err
		}
		for _, id := range ids {
			count, err := t.execCount("DELETE FROM sessions WHERE id = ?", id)
			if err != nil {
				return err
			}
			removed += int(count) // an expired session that is not listed was found twice
			t.onCommit(func() { ss.s.view.sessions.drop(domain.SessionID(id)) })
		}
		return nil
	})
	return removed, err
}
