package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// SigningKeyStore implements ports.SigningKeyStore.
type SigningKeyStore struct{ s *Store }

// SigningKeyStore returns the store of signing keys.
func (s *Store) SigningKeyStore() *SigningKeyStore { return &SigningKeyStore{s} }

// SigningKeys returns all keys in the order of PutSigningKeys.
func (ks *SigningKeyStore) SigningKeys(ctx context.Context) ([]domain.SigningKey, error) {
	var keys []domain.SigningKey
	err := ks.s.reads.each(ctx, into(&keys, scanDoc((*records.SigningKey).Domain)),
		"SELECT doc FROM signing_keys ORDER BY place")
	return keys, err
}

// PutSigningKeys replaces all keys if the stored set still has the version, and returns fault.ErrConflict otherwise.
// The version of an empty store is 0.
func (ks *SigningKeyStore) PutSigningKeys(ctx context.Context, version int64, keys []domain.SigningKey,
	out domain.Outbox,
) error {
	return ks.s.writer.do(ctx, func(t *tx) error {
		if err := t.execNew("UPDATE signing_set SET version = version + 1 WHERE version = ?", version); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM signing_keys"); err != nil {
			return err
		}
		for i, key := range keys {
			key.Version = version + 1
			doc, err := encode(records.NewSigningKey(&key))
			if err != nil {
				return err
			}
			if err := t.exec("INSERT INTO signing_keys (place, doc) VALUES (?, ?)", i, doc); err != nil {
				return err
			}
		}
		return ks.s.writeOutbox(t, out)
	})
}
