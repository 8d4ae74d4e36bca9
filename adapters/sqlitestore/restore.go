package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// Restore writes the records unchanged. It skips records whose key is stored already.
func (s *Store) Restore(ctx context.Context, kind domain.ArchiveKind, items []domain.Archived) error {
	one := s.restore
	if kind == domain.ArchiveUsers {
		one = s.restoreAbsentUser
	}
	return s.writer.do(ctx, func(t *tx) error {
		for _, a := range items {
			if err := one(t, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) restoreAbsentUser(t *tx, a domain.Archived) error {
	user, ok := a.Value.(domain.User)
	if !ok {
		return errKind
	}
	if _, err := loadUser(t, user.ID); !errors.Is(err, domain.ErrUserNotFound) {
		return err
	}
	user = user.Clone()
	return s.restoreUser(t, &user)
}

// isStored reports whether the query finds a row.
func isStored(t *tx, query string, key any) (bool, error) {
	var one int
	err := t.get(errNoRow, query, []any{key}, &one)
	if errors.Is(err, errNoRow) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) restore(t *tx, a domain.Archived) error {
	switch v := a.Value.(type) {
	case domain.Attempts:
		return writeAttempts(t, a.Key, &v, s.config.Clock.Now())
	case domain.Message:
		if ok, err := isStored(t, "SELECT 1 FROM messages WHERE id = ?", string(v.ID)); ok || err != nil {
			return err
		}
		return insertMessage(t, v)
	case domain.StoredRate:
		return t.exec("INSERT OR IGNORE INTO rates (key, expires, taken) VALUES (?, ?, ?)", a.Key, stamp(v.Until),
			encodeWindow(v.Window))
	case domain.StoredSingleUse:
		return t.exec("INSERT OR IGNORE INTO once (key, expires, value) VALUES (?, ?, ?)", a.Key, stamp(v.ExpiresAt), v.Value)
	case domain.IdempotencyRecord:
		return restoreResponse(t, a.Key, v)
	case auditformat.Segment:
		return putSegment(t, "INSERT OR IGNORE", &v)
	case auditformat.Record:
		if ok, err := isStored(t, "SELECT 1 FROM audit_entries WHERE seq = ?", v.Seq); ok || err != nil {
			return err
		}
		return s.restoreRecord(t, &v)
	}
	return errKind
}

func restoreResponse(t *tx, key string, r domain.IdempotencyRecord) error {
	doc, err := encode(records.NewIdempotency(&r))
	if err != nil {
		return err
	}
	return t.exec("INSERT OR IGNORE INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", key, stamp(r.ExpiresAt), doc)
}

// restoreRecord is appendRecord with the position of the record.
func (s *Store) restoreRecord(t *tx, r *auditformat.Record) error {
	e, err := r.Entry()
	if err != nil {
		return err
	}
	kind, err := s.kindOf(t, auditKind{e.Action, e.Success})
	if err != nil {
		return err
	}
	if err := t.exec("UPDATE audit_kinds SET entries = entries + 1 WHERE kind = ?", kind); err != nil {
		return err
	}
	return t.exec(`INSERT INTO audit_entries
		(seq, at, kind, user_id, ip, request_id, target, user_agent, public, actor_salt, personal, personal_salt, mark)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Seq, stamp(e.Time), kind, e.UserID, r.IPAddress, e.RequestID, e.Target, r.UserAgent,
		string(r.Public), r.ActorSalt, nullText(r.Personal), r.PersonalSalt, r.Mark)
}
