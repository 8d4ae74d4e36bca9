package sqlitestore

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Audit implements ports.AuditLog, ports.AuditSealStore, ports.AuditProofs and ports.AuditEraser.
type Audit struct{ s *Store }

// Audit returns the audit log.
func (s *Store) Audit() *Audit { return &Audit{s} }

// auditKind is an action and whether it succeeded, the most frequent filter of lists.
type auditKind struct {
	action  domain.Action
	success bool
}

// auditKinds caches the numbers of all kinds. Each action has at most two kinds, and kinds are never deleted.
type auditKinds struct {
	mu      sync.RWMutex
	numbers map[auditKind]int64
}

func (k *auditKinds) get(kind auditKind) (int64, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	number, ok := k.numbers[kind]
	return number, ok
}

func (k *auditKinds) put(kind auditKind, number int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.numbers[kind] = number
}

// matching returns the numbers of the kinds that match the query, and whether the query filters by kind.
func (k *auditKinds) matching(q *domain.AuditQuery) (numbers []int64, filtered bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	wanted := map[domain.Action]bool{}
	for _, action := range q.Actions {
		wanted[action] = true
	}
	numbers = make([]int64, 0, len(k.numbers))
	for kind, number := range k.numbers {
		if (len(wanted) == 0 || wanted[kind.action]) && (q.Success == nil || *q.Success == kind.success) {
			numbers = append(numbers, number)
		}
	}
	return numbers, len(wanted) > 0 || q.Success != nil
}

func (s *Store) loadAuditKinds(ctx context.Context) error {
	s.kinds = &auditKinds{numbers: map[auditKind]int64{}}
	return s.reads.each(ctx, func(rows rowScanner) error {
		var kind auditKind
		var number int64
		if err := rows.Scan(&number, &kind.action, &kind.success); err != nil {
			return err
		}
		s.kinds.put(kind, number)
		return nil
	}, "SELECT kind, action, success FROM audit_kinds")
}

// kindOf returns the number of the kind. It inserts a kind that is not stored yet.
func (s *Store) kindOf(t *tx, kind auditKind) (int64, error) {
	if number, ok := s.kinds.get(kind); ok {
		return number, nil
	}
	err := t.exec("INSERT OR IGNORE INTO audit_kinds (action, success, entries) VALUES (?, ?, 0)", string(kind.action),
		kind.success)
	if err != nil {
		return 0, err
	}
	var number int64
	err = t.get(nil, "SELECT kind FROM audit_kinds WHERE action = ? AND success = ?",
		[]any{string(kind.action), kind.success}, &number)
	t.onCommit(func() { s.kinds.put(kind, number) })
	return number, err
}

// Append writes entries that do not belong to a change of other records.
func (a *Audit) Append(ctx context.Context, entries ...domain.AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	return a.s.writer.do(ctx, func(t *tx) error { return a.s.writeOutbox(t, domain.Outbox{Entries: entries}) })
}

func (s *Store) appendEntry(t *tx, e *domain.AuditEntry) error {
	var salts [2 * auditformat.SaltLength]byte
	_, _ = rand.Read(salts[:]) // never returns an error: crypto/rand ends the process instead
	record, err := auditformat.NewRecord(*e, salts[:auditformat.SaltLength], salts[auditformat.SaltLength:])
	if err != nil {
		return err
	}
	if s.marker != nil {
		record.Mark = s.marker.Mark(record.Public)
	}
	return s.insertRecord(t, nil, e, &record)
}

// MarkEntries sets the marker of all entries that are written from now on. It must be called before the first write.
func (s *Store) MarkEntries(marker ports.AuditMarker) { s.marker = marker }

// insertRecord inserts the record of the entry at a position, or at the next one if seq is nil.
func (s *Store) insertRecord(t *tx, seq any, e *domain.AuditEntry, record *auditformat.Record) error {
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
		seq, stamp(e.Time), kind, e.UserID, record.IPAddress, e.RequestID, e.Target, record.UserAgent,
		string(record.Public), record.ActorSalt, nullText(record.Personal), record.PersonalSalt, record.Mark)
}

func nullText(raw []byte) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

const auditColumns = "seq, at, public, ip, user_agent, actor_salt, personal, personal_salt, mark"

// scanRecord reads the columns auditColumns: a record and its time.
func scanRecord(rows rowScanner) (at int64, r auditformat.Record, err error) {
	err = rows.Scan(&r.Seq, &at, &r.Public, &r.IPAddress, &r.UserAgent, &r.ActorSalt, &r.Personal, &r.PersonalSalt,
		&r.Mark)
	r.ID = auditformat.IDOf(r.Public)
	return at, r, err
}
