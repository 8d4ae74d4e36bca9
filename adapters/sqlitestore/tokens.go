package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Tokens implements ports.ThirdPartyTokenStore.
type Tokens struct{ s *Store }

// Tokens returns the store of third-party tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

// Create stores a new token record.
func (ts *Tokens) Create(ctx context.Context, token domain.ThirdPartyToken, out domain.Outbox) error {
	doc, err := encode(records.NewThirdPartyToken(&token))
	if err != nil {
		return err
	}
	return ts.s.writer.do(ctx, func(t *tx) error {
		err := t.execNew("INSERT OR IGNORE INTO third_party_tokens (id, created, doc) VALUES (?, ?, ?)", token.ID,
			stamp(token.CreatedAt), doc)
		if err != nil {
			return err
		}
		return ts.s.writeOutbox(t, out)
	})
}

const recordByID = "SELECT doc FROM third_party_tokens WHERE id = ?"

// Get returns the token record with this ID.
func (ts *Tokens) Get(ctx context.Context, id string) (domain.ThirdPartyToken, error) {
	var doc string
	if err := ts.s.reads.get(ctx, domain.ErrTokenNotFound, recordByID, []any{id}, &doc); err != nil {
		return domain.ThirdPartyToken{}, err
	}
	return decodeAs(doc, (*records.ThirdPartyToken).Domain)
}

// Update applies change to the token record in one transaction.
func (ts *Tokens) Update(ctx context.Context, id string,
	change ports.Change[domain.ThirdPartyToken],
) (domain.ThirdPartyToken, error) {
	var result domain.ThirdPartyToken
	err := ts.s.writer.do(ctx, func(t *tx) error {
		var doc string
		if err := t.get(domain.ErrTokenNotFound, recordByID, []any{id}, &doc); err != nil {
			return err
		}
		before, err := decodeAs(doc, (*records.ThirdPartyToken).Domain)
		if err != nil {
			return err
		}
		result, err = applyChange(ts.s, t, before, before, change, func(token *domain.ThirdPartyToken) error {
			token.ID = id
			doc, err := encode(records.NewThirdPartyToken(token))
			if err != nil {
				return err
			}
			return t.exec("UPDATE third_party_tokens SET created = ?, doc = ? WHERE id = ?", stamp(token.CreatedAt), doc, id)
		})
		return err
	})
	return result, err
}

// List returns all token records, newest first.
func (ts *Tokens) List(ctx context.Context) ([]domain.ThirdPartyToken, error) {
	var tokens []domain.ThirdPartyToken
	err := ts.s.reads.each(ctx, into(&tokens, scanDoc((*records.ThirdPartyToken).Domain)),
		"SELECT doc FROM third_party_tokens ORDER BY created DESC, rowid DESC")
	return tokens, err
}
