package mongostore

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// SigningKeyStore implements ports.SigningKeyStore.
type SigningKeyStore struct{ s *Store }

// SigningKeyStore returns the store of signing keys.
func (s *Store) SigningKeyStore() *SigningKeyStore { return &SigningKeyStore{s} }

// signingSet is the set of all signing keys, stored in one document so that they change atomically.
type signingSet struct {
	Version int64
	Keys    []domain.SigningKey
}

// SigningKeys returns the whole set in the stored order.
func (ks *SigningKeyStore) SigningKeys(ctx context.Context) ([]domain.SigningKey, error) {
	set, err := ks.s.signing.byID(ctx, signingSetID)
	return set.Keys, err
}

// PutSigningKeys replaces the whole set if its version is still version; an empty store has version 0.
func (ks *SigningKeyStore) PutSigningKeys(ctx context.Context, version int64, keys []domain.SigningKey,
	out domain.Outbox,
) error {
	_, err := ks.s.signing.update(ctx, signingSetID, func(set *signingSet, o *domain.Outbox) error {
		if set.Version != version {
			return fault.ErrConflict
		}
		next := signingSet{Version: version + 1}
		for _, key := range keys {
			key.Version = next.Version
			next.Keys = append(next.Keys, key)
		}
		*set, *o = next, out
		return nil
	})
	return err
}
