package mongostore

import (
	"context"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Keys implements ports.APIKeyStore.
type Keys struct {
	collection[domain.KeyID, domain.APIKey]
}

// Keys returns the store of API keys.
func (s *Store) Keys() *Keys {
	return &Keys{collection[domain.KeyID, domain.APIKey]{s, s.keys, func(x *domain.APIKey) *domain.KeyID { return &x.ID }}}
}

func (s *Store) overlayKey(k *domain.APIKey, id string, active int64) {
	if at := fromNanos(s.used.Latest(id, active)); at.After(k.LastUsedAt) {
		k.LastUsedAt = at
	}
}

// List returns one page of a user's live keys, newest first.
func (ks *Keys) List(ctx context.Context, q domain.KeyQuery) (domain.KeyPage, error) {
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	filter := bson.D{
		{Key: "doc.userid", Value: q.User},
		{Key: "doc.revokedat", Value: int64(0)},
		{Key: "doc.epoch", Value: q.Epoch},
	}
	var position bson.D
	if after := q.Page.After; after != nil {
		created, err := strconv.ParseInt(after.Key, 10, 64)
		if err != nil || !isID(after.ID) {
			return domain.KeyPage{}, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
		}
		position = seek("doc.createdat", created, after.ID, -1)
	}
	keys, err := ks.s.keys.list(ctx, append(append(bson.D{}, filter...), position...),
		options.Find().SetSort(newestFirst).SetHint("live").
			SetLimit(int64(q.Page.Limit)+1).SetSkip(int64(q.Page.Offset())))
	if err != nil {
		return domain.KeyPage{}, err
	}
	page := domain.KeyPage{Keys: keys}
	if len(keys) > q.Page.Limit {
		page.Keys = keys[:q.Page.Limit]
		last := &page.Keys[q.Page.Limit-1]
		page.Next = &domain.Cursor{
			Sort: domain.SortKeys, Key: strconv.FormatInt(nanos(last.CreatedAt), 10),
			ID: string(last.ID),
		}
	}
	page.Total, page.TotalEstimated, err = ks.s.total(ctx, ks.s.keys.coll, filter)
	return page, err
}

// Tokens implements ports.ThirdPartyTokenStore.
type Tokens struct {
	collection[string, domain.ThirdPartyToken]
}

// Tokens returns the store of third-party tokens.
func (s *Store) Tokens() *Tokens {
	return &Tokens{collection[string, domain.ThirdPartyToken]{
		s, s.tokens,
		func(x *domain.ThirdPartyToken) *string { return &x.ID },
	}}
}

// Get returns the record with this id. Every check of a token calls it.
func (ts *Tokens) Get(ctx context.Context, id string) (token domain.ThirdPartyToken, err error) {
	ctx, cancel := ts.s.bound(ctx)
	defer cancel()
	err = ts.s.withLease(ctx, func() error {
		token, err = ts.collection.Get(ctx, id)
		return err
	})
	return token, err
}

// List returns all records, newest first.
func (ts *Tokens) List(ctx context.Context) ([]domain.ThirdPartyToken, error) {
	return ts.s.tokens.list(ctx, bson.D{}, options.Find().SetSort(newestFirst).SetHint("created"))
}
