package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Tokens implements ports.ThirdPartyTokenStore.
type Tokens struct{ s *Store }

// Tokens returns the store of third-party tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s} }

var _ ports.ThirdPartyTokenStore = (*Tokens)(nil)

// Create stores a new token record.
func (ts *Tokens) Create(ctx context.Context, token domain.ThirdPartyToken, out domain.Outbox) error {
	doc, err := encode(records.NewThirdPartyToken(&token))
	if err != nil {
		return err
	}
	return ts.s.writer.do(ctx, func(t *tx) error {
		count, err := t.execCount("INSERT OR IGNORE INTO third_party_tokens (id, created, doc) VALUES (?, ?, ?)", token.ID, stamp(token.CreatedAt), doc)
		if err != nil {
			return err
		}
		if count == 0 {
			return fault.ErrConflict
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
	return decodeToken(doc)
}

// Update applies change to the token record in one transaction.
func (ts *Tokens) Update(ctx context.Context, id string, change ports.Change[domain.ThirdPartyToken]) (domain.ThirdPartyToken, error) {
	var result domain.ThirdPartyToken
	err := ts.s.writer.do(ctx, func(t *tx) error {
		var doc string
		if err := t.get(domain.ErrTokenNotFound, recordByID, []any{id}, &doc); err != nil {
			return err
		}
		before, err := decodeToken(doc)
		if err != nil {
			return err
		}
		result = before
		var out domain.Outbox
		if err := change(&result, &out); errors.Is(err, domain.ErrUnchanged) {
			result = before
			return nil
		} else if err != nil {
			return err
		}
		result.ID = id
		if doc, err = encode(records.NewThirdPartyToken(&result)); err != nil {
			return err
		}
		if err := t.exec("UPDATE third_party_tokens SET created = ?, doc = ? WHERE id = ?", stamp(result.CreatedAt), doc, id); err != nil {
			return err
		}
		return ts.s.writeOutbox(t, out)
	})
	if err != nil {
		return domain.ThirdPartyToken{}, err
	}
	return result, nil
}

// List returns all token records, newest first.
func (ts *Tokens) List(ctx context.Context) ([]domain.ThirdPartyToken, error) {
	var tokens []domain.ThirdPartyToken
	err := ts.s.reads.each(ctx, func(rows rowScanner) error {
		var doc string
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		token, err := decodeToken(doc)
		tokens = append(tokens, token)
		return err
	}, "SELECT doc FROM third_party_tokens ORDER BY created DESC, rowid DESC")
	return tokens, err
}
