package mongostore

import (
	"context"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
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

// Update applies change to the key atomically.
func (ks *Keys) Update(ctx context.Context, id domain.KeyID, change ports.Change[domain.APIKey]) (domain.APIKey, error) {
	return ks.s.keys.update(ctx, string(id), func(k *domain.APIKey, out *domain.Outbox) error {
		err := change(k, out)
		k.ID = id
		return err
	})
}

// List returns one page of a user's live keys, newest first.
func (ks *Keys) List(ctx context.Context, q domain.KeyQuery) (domain.KeyPage, error) {
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	filter := bson.D{{Key: "doc.userid", Value: q.User}, {Key: "doc.revokedat", Value: int64(0)}, {Key: "doc.epoch", Value: q.Epoch}}
	var position bson.D
	if after := q.Page.After; after != nil {
		created, err := strconv.ParseInt(after.Key, 10, 64)
		if err != nil || !isID(after.ID) {
			return domain.KeyPage{}, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
		}
		position = seek("doc.createdat", created, after.ID, -1)
	}
	keys, err := ks.s.keys.list(ctx, append(append(bson.D{}, filter...), position...), options.Find().SetSort(newestFirst).SetHint("live").
		SetLimit(int64(q.Page.Limit)+1).SetSkip(int64(q.Page.Offset())))
	if err != nil {
		return domain.KeyPage{}, err
	}
	page := domain.KeyPage{Keys: keys}
	if len(keys) > q.Page.Limit {
		page.Keys = keys[:q.Page.Limit]
		last := &page.Keys[q.Page.Limit-1]
		page.Next = &domain.Cursor{Sort: domain.SortKeys, Key: strconv.FormatInt(nanos(last.CreatedAt), 10), ID: string(last.ID)}
	}
	page.Total, page.TotalEstimated, err = ks.s.total(ctx, ks.s.keys.coll, filter)
	return page, err
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

// Get returns the record with this id. Every check of a token calls it.
func (ts *Tokens) Get(ctx context.Context, id string) (token domain.ThirdPartyToken, err error) {
	ctx, cancel := ts.s.bound(ctx)
	defer cancel()
	err = ts.s.withLease(ctx, func() error {
		token, err = ts.s.tokens.byID(ctx, id)
		return err
	})
	return token, err
}

// Update applies change to the record atomically.
func (ts *Tokens) Update(ctx context.Context, id string, change ports.Change[domain.ThirdPartyToken]) (domain.ThirdPartyToken, error) {
	return ts.s.tokens.update(ctx, id, func(t *domain.ThirdPartyToken, out *domain.Outbox) error {
		err := change(t, out)
		t.ID = id
		return err
	})
}

// List returns all records, newest first.
func (ts *Tokens) List(ctx context.Context) ([]domain.ThirdPartyToken, error) {
	return ts.s.tokens.list(ctx, bson.D{}, options.Find().SetSort(newestFirst).SetHint("created"))
}
