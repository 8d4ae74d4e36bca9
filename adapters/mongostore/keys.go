package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Keys implements ports.APIKeyStore.
type Keys struct{ s *Store }

// Keys returns the store of API keys.
func (s *Store) Keys() *Keys { return &Keys{s} }

var _ ports.APIKeyStore = (*Keys)(nil)

func (s *Store) overlayKey(k *domain.APIKey, id string, active int64) {
	if at := fromNanos(s.used.latest(id, active)); at.After(k.LastUsedAt) {
		k.LastUsedAt = at
	}
}

// Create stores a new key.
func (ks *Keys) Create(ctx context.Context, key domain.APIKey, out domain.Outbox) error {
	return ks.s.keys.create(ctx, string(key.ID), &key, out)
}

// Get returns the key with this id.
func (ks *Keys) Get(ctx context.Context, id domain.KeyID) (domain.APIKey, error) {
	return ks.s.keys.byID(ctx, string(id))
}

// Update applies change to the key in one step.
func (ks *Keys) Update(ctx context.Context, id domain.KeyID, change ports.Change[domain.APIKey]) (domain.APIKey, error) {
	return ks.s.keys.update(ctx, string(id), func(k *domain.APIKey, out *domain.Outbox) error {
		err := change(k, out)
		k.ID = id
		return err
	})
}

// ListByUser returns the user's keys that are not revoked, the newest first.
func (ks *Keys) ListByUser(ctx context.Context, id domain.UserID) ([]domain.APIKey, error) {
	return ks.s.keys.list(ctx, bson.D{{Key: "doc.userid", Value: id}, {Key: "doc.revokedat", Value: int64(0)}},
		options.Find().SetSort(newestFirst).SetHint("user"))
}

// Tokens implements ports.ThirdPartyTokenStore.
type Tokens struct{ s *Store }

// Tokens returns the store of third-party tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

var _ ports.ThirdPartyTokenStore = (*Tokens)(nil)

// Create stores a new record.
func (ts *Tokens) Create(ctx context.Context, token domain.ThirdPartyToken, out domain.Outbox) error {
	return ts.s.tokens.create(ctx, token.ID, &token, out)
}

// Get returns the record with this id, as every check of a token does.
func (ts *Tokens) Get(ctx context.Context, id string) (token domain.ThirdPartyToken, err error) {
	ctx, cancel := ts.s.bound(ctx)
	defer cancel()
	err = ts.s.fresh(ctx, func() error {
		token, err = ts.s.tokens.byID(ctx, id)
		return err
	})
	return token, err
}

// Update applies change to the record in one step.
func (ts *Tokens) Update(ctx context.Context, id string, change ports.Change[domain.ThirdPartyToken]) (domain.ThirdPartyToken, error) {
	return ts.s.tokens.update(ctx, id, func(t *domain.ThirdPartyToken, out *domain.Outbox) error {
		err := change(t, out)
		t.ID = id
		return err
	})
}

// List returns all records, the newest first.
func (ts *Tokens) List(ctx context.Context) ([]domain.ThirdPartyToken, error) {
	return ts.s.tokens.list(ctx, bson.D{}, options.Find().SetSort(newestFirst).SetHint("created"))
}
