package sqlitestore

import (
	"context"

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
	if ok, err := isStored(t, "SELECT 1 FROM users WHERE id = ?", string(user.ID)); ok || err != nil {
		return err
	}
	return s.restoreUser(t, &user)
}

// isStored reports whether the query finds a row.
func isStored(t *tx, query string, key any) (stored bool, err error) {
	err = t.get(nil, "SELECT EXISTS ("+query+")", []any{key}, &stored)
	return stored, err
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
		return t.exec("INSERT INTO rates (key, expires, taken) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", a.Key,
			stamp(v.Until), encodeWindow(v.Window))
	case domain.StoredSingleUse:
		return t.exec("INSERT INTO once (key, expires, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", a.Key,
			stamp(v.ExpiresAt), orEmpty(v.Value))
	case domain.IdempotencyRecord:
		return putResponse(t, "INSERT OR IGNORE", v)
	case auditformat.Segment:
		return putSegment(t, &v, " ON CONFLICT DO NOTHING")
	case auditformat.Record:
		if ok, err := isStored(t, "SELECT 1 FROM audit_entries WHERE seq = ?", v.Seq); ok || err != nil {
			return err
		}
		return s.restoreRecord(t, &v)
	}
	return errKind
}

func (s *Store) restoreRecord(t *tx, r *auditformat.Record) error {
	e, err := r.Entry()
	if err != nil {
		return err
	}
	return s.insertRecord(t, r.Seq, &e, r)
}
