package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// Messages implements ports.MessageQueue.
type Messages struct{ s *Store }

// Messages returns the queue of messages.
func (s *Store) Messages() *Messages { return &Messages{s} }

// never is the expiry time of a message that does not expire.
const never = int64(1)<<62 - 1

func expiry(at time.Time) int64 {
	if at.IsZero() {
		return never
	}
	return stamp(at)
}

func insertMessage(t *tx, m domain.Message) error {
	doc, err := encode(records.NewMessage(&m))
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO messages (id, user_id, due, expires, doc) VALUES (?, ?, ?, ?, ?)",
		string(m.ID), string(m.UserID), stamp(m.NextTry), expiry(m.ExpiresAt), doc)
}

// ClaimMessages returns messages that are due and not expired, and hides them from other calls until the lease ends. It
// writes only if a message is due.
func (ms *Messages) ClaimMessages(ctx context.Context, now, leaseUntil time.Time, limit int) ([]domain.Message, error) {
	var due bool
	err := ms.s.reads.get(ctx, nil, "SELECT EXISTS (SELECT 1 FROM messages WHERE due <= ? AND expires > ?)",
		[]any{stamp(now), stamp(now)}, &due)
	if err != nil || !due {
		return nil, err
	}
	var claimed []domain.Message
	err = ms.s.writer.do(ctx, func(t *tx) error {
		claimed = nil
		err := t.each(into(&claimed, scanDoc((*records.Message).Domain)),
			"SELECT doc FROM messages WHERE due <= ? AND expires > ? ORDER BY due LIMIT 0+?", stamp(now), stamp(now), limit)
		if err != nil {
			return err
		}
		for _, m := range claimed {
			if err := t.exec("UPDATE messages SET due = ? WHERE id = ?", stamp(leaseUntil), string(m.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// releaseMessages ends the claims of a process that has exited. No other process can have this database open.
func (s *Store) releaseMessages(ctx context.Context) error {
	var claimed []records.Message
	err := s.reads.each(ctx, func(rows rowScanner) error {
		var due int64
		var doc string
		var r records.Message
		if err := rows.Scan(&due, &doc); err != nil {
			return err
		}
		err := decode(doc, &r)
		if stamp(r.NextTry) < due {
			claimed = append(claimed, r)
		}
		return err
	}, "SELECT due, doc FROM messages WHERE due > ?", stamp(s.config.Clock.Now())) // others are not claimed
	if err != nil || len(claimed) == 0 {
		return err
	}
	return s.writer.do(ctx, func(t *tx) error {
		for _, r := range claimed {
			if err := t.exec("UPDATE messages SET due = ? WHERE id = ?", stamp(r.NextTry), string(r.ID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DoneMessage deletes the message.
func (ms *Messages) DoneMessage(ctx context.Context, id domain.MessageID) error {
	return ms.s.writer.do(ctx, func(t *tx) error { return t.exec("DELETE FROM messages WHERE id = ?", string(id)) })
}

// RetryMessage counts an attempt and makes the message due again at the given time. It ignores a deleted message.
func (ms *Messages) RetryMessage(ctx context.Context, id domain.MessageID, at time.Time, reason string) error {
	return ms.s.writer.do(ctx, func(t *tx) error {
		var doc string
		err := t.get(nil, "SELECT doc FROM messages WHERE id = ?", []any{string(id)}, &doc)
		if err != nil || doc == "" {
			return err
		}
		var r records.Message
		if err := decode(doc, &r); err != nil {
			return err
		}
		r.Attempts, r.NextTry, r.LastError = r.Attempts+1, at, reason
		if doc, err = encode(r); err != nil {
			return err
		}
		return t.exec("UPDATE messages SET due = ?, doc = ? WHERE id = ?", stamp(at), doc, string(id))
	})
}
