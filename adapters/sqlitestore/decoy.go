package sqlitestore

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Decoys implements ports.DecoyStore.
type Decoys struct{ s *Store }

// Decoys returns the store of decoys.
func (s *Store) Decoys() *Decoys { return &Decoys{s} }

// WriteDecoy executes as many statements as an update of a user with its outbox, in one transaction that is flushed to
// disk as well. Each decoy has a key of its own, so that concurrent ones do not conflict.
func (d *Decoys) WriteDecoy(ctx context.Context, entry *domain.AuditEntry, message domain.Message,
	expires time.Time,
) error {
	key := "decoy:" + rand.Text()
	return d.s.writer.do(ctx, func(t *tx) error {
		var had int64
		if err := t.get(nil, "SELECT expires FROM once WHERE key = ?", []any{key}, &had); err != nil {
			return err
		}
		if err := putDecoy(t, key, message.Payload, expires); err != nil {
			return err
		}
		out := domain.Outbox{Messages: []domain.Message{message}}
		if entry != nil {
			out.Record(*entry)
			return d.s.writeOutbox(t, out)
		}
		for _, part := range []string{":entry", ":kind"} { // an entry is two writes as well
			if err := putDecoy(t, key+part, []byte{}, expires); err != nil {
				return err
			}
		}
		return d.s.writeOutbox(t, out)
	})
}

func putDecoy(t *tx, key string, value []byte, expires time.Time) error {
	return t.exec("INSERT INTO once (key, expires, value) VALUES (?, ?, ?)", key, stamp(expires), value)
}
