package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Keys implements ports.APIKeyStore.
type Keys struct{ s *Store }

// Keys returns the store of API keys.
func (s *Store) Keys() *Keys { return &Keys{s} }

// Create stores a new key.
func (ks *Keys) Create(ctx context.Context, key domain.APIKey, out domain.Outbox) error {
	doc, err := encode(records.NewAPIKey(&key))
	if err != nil {
		return err
	}
	return ks.s.writer.do(ctx, func(t *tx) error {
		err := t.execNew(
			"INSERT OR IGNORE INTO api_keys (id, user_id, created, revoked, last_used_ns, doc) VALUES (?, ?, ?, ?, ?, ?)",
			string(key.ID), string(key.UserID), stamp(key.CreatedAt), stamp(key.RevokedAt), toNano(key.LastUsedAt), doc)
		if err != nil {
			return err
		}
		return ks.s.writeOutbox(t, out)
	})
}

// Get returns the key with this ID.
func (ks *Keys) Get(ctx context.Context, id domain.KeyID) (domain.APIKey, error) {
	return ks.s.readKey(ctx, id)
}

func (s *Store) readKey(ctx context.Context, id domain.KeyID) (domain.APIKey, error) {
	var doc string
	var used int64
	noted := latestOf(s.view.used, id, time.Time{}) // before the query: what a flush removes later is stored
	err := s.reads.get(ctx, domain.ErrKeyNotFound, "SELECT doc, last_used_ns FROM api_keys WHERE id = ?",
		[]any{string(id)}, &doc, &used)
	if err != nil {
		return domain.APIKey{}, err
	}
	key, err := s.toKey(doc, used)
	key.LastUsedAt = later(key.LastUsedAt, noted)
	return key, err
}

// toKey decodes a key and adds the last use that is not stored yet.
func (s *Store) toKey(doc string, used int64) (domain.APIKey, error) {
	key, err := decodeKey(doc, used)
	key.LastUsedAt = latestOf(s.view.used, key.ID, key.LastUsedAt)
	return key, err
}

// Update applies change to the key in one transaction.
func (ks *Keys) Update(ctx context.Context, id domain.KeyID, change ports.Change[domain.APIKey]) (domain.APIKey,
	error,
) {
	var result domain.APIKey
	err := ks.s.writer.do(ctx, func(t *tx) error {
		var doc string
		var used int64
		err := t.get(domain.ErrKeyNotFound, "SELECT doc, last_used_ns FROM api_keys WHERE id = ?", []any{string(id)}, &doc,
			&used)
		if err != nil {
			return err
		}
		before, err := ks.s.toKey(doc, used)
		if err != nil {
			return err
		}
		result, err = applyChange(ks.s, t, before, cloneKey(before), change, func(key *domain.APIKey) error {
			key.ID = id
			return ks.s.replaceKey(t, cloneKey(*key))
		})
		return err
	})
	return result, err
}

func (s *Store) replaceKey(t *tx, key domain.APIKey) error {
	doc, err := encode(records.NewAPIKey(&key))
	if err != nil {
		return err
	}
	t.onCommit(func() {
		s.view.keys.put(key.ID, &key)
		s.view.refreshKey(key.ID, key.LastUsedAt)
	})
	return t.exec("UPDATE api_keys SET user_id = ?, created = ?, revoked = ?, last_used_ns = ?, doc = ? WHERE id = ?",
		string(key.UserID), stamp(key.CreatedAt), stamp(key.RevokedAt), toNano(key.LastUsedAt), doc, string(key.ID))
}

func cloneKey(k domain.APIKey) domain.APIKey {
	k.Digest = append([]byte(nil), k.Digest...)
	k.Permissions = append([]domain.Permission(nil), k.Permissions...)
	return k
}
