package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	tokenType = "at+jwt" // RFC 9068 section 2.1
	maxToken  = 4096
	// tokenAlphabet is base64url, and the dot between the parts.
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
)

// Issue returns a token with the claims, signed by the active key. All claims but the methods must be set. It waits for
// the store at most once a minute.
func (t *Tokens) Issue(ctx context.Context, claims domain.AccessClaims) (string, error) {
	if claims.TokenID == "" || claims.Subject == "" || claims.SessionID == "" || claims.IssuedAt.IsZero() ||
		!claims.ExpiresAt.After(claims.IssuedAt) || claims.ExpiresAt.Sub(claims.IssuedAt) > t.cfg.TokenLife {
		return "", errors.New("the claims of an access token are incomplete or longer-lived than its key")
	}
	set, err := t.present(ctx)
	if err != nil {
		return "", fault.ErrStorage.Because(err)
	}
	expires, issued := claims.ExpiresAt.Unix(), claims.IssuedAt.Unix()
	wire := wireClaims{
		Issuer: t.cfg.Issuer, Audience: audiences(t.cfg.Audience), Subject: string(claims.Subject),
		ExpiresAt: &expires, IssuedAt: &issued, TokenID: claims.TokenID, SessionID: string(claims.SessionID),
		Methods:    claims.Methods,
		Generation: claims.Generation,
	}
	if !claims.AuthTime.IsZero() {
		wire.AuthTime = claims.AuthTime.Unix()
	}
	payload, err := json.Marshal(wire)
	if err != nil {
		return "", fmt.Errorf("writing an access token: %w", err)
	}
	signed, err := set.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	return signed.CompactSerialize()
}

// Check returns the claims of a token with a valid signature, of type at+jwt, signed by one of our keys under that
// key's own algorithm, for our audience and in date at now. Every other token is fault.ErrUnauthorized, with the
// reason as its private cause. It does not check that the session is live. The claims' methods are shared and must
// not be changed.
//
// A successful signature check is cached under the token's SHA-256 digest, which differs for any changed character.
func (t *Tokens) Check(ctx context.Context, token string, now time.Time) (domain.AccessClaims, error) {
	if len(token) > maxToken {
		return domain.AccessClaims{}, fault.ErrUnauthorized.Because(errors.New("the token is too long"))
	}
	set := t.set.Load()
	if set == nil {
		return domain.AccessClaims{}, fault.ErrStorage.Because(errors.New("the signing keys are not open"))
	}
	digest := digestOf(token)
	known, remembered := t.checked.Get(digest)
	if !remembered {
		var err error
		if known, set, err = t.verify(ctx, token, set, now); err != nil {
			return domain.AccessClaims{}, fault.ErrUnauthorized.Because(err)
		}
		t.checked.Add(digest, known)
	}
	// The key may have been removed since the signature was cached, and time has passed in any case.
	if key := set.public[known.keyID]; key == nil || !key.liveAt(now) {
		return domain.AccessClaims{}, fault.ErrUnauthorized.Because(errors.New("the token's key is gone"))
	}
	if !now.Before(known.claims.ExpiresAt) || known.claims.IssuedAt.After(now.Add(skew)) {
		return domain.AccessClaims{}, fault.ErrUnauthorized.Because(errors.New("the token is out of date"))
	}
	return known.claims, nil
}

// digestOf hashes a token of at most maxToken bytes without a copy on the heap.
func digestOf(token string) [sha256.Size]byte {
	var text [maxToken]byte
	return sha256.Sum256(text[:copy(text[:], token)])
}

// checkForm refuses what cannot be a token before any decoding: decoders pass over line breaks and unused bits, so that
// several texts would be the same token, and a list of ended ones would miss the others.
func checkForm(token string) error {
	if strings.Trim(token, tokenAlphabet) != "" {
		return errors.New("the token has a character that no token has")
	}
	if strings.Count(token, ".") != 2 {
		return errors.New("the token has not three parts")
	}
	return nil
}

// verify checks the form of a token, its signature, and that its claims are ours and complete.
func (t *Tokens) verify(ctx context.Context, token string, set *keySet, now time.Time) (*checkedToken, *keySet, error) {
	if err := checkForm(token); err != nil {
		return nil, nil, err
	}
	signed, head, err := parse(token)
	if err != nil {
		return nil, nil, err
	}
	key := set.public[head.KeyID]
	if key == nil && t.mayReread(now) {
		if next, err := t.reread(ctx, set); err == nil {
			set, key = next, next.public[head.KeyID]
		}
	}
	if key == nil {
		return nil, nil, errors.New("the token names a key that is not ours")
	}
	if head.Algorithm != key.jwk.Algorithm {
		return nil, nil, errors.New("the token names another algorithm than its key's")
	}
	payload, err := signed.Verify(key.jwk.Key)
	if err != nil {
		return nil, nil, errors.New("the token's signature is wrong")
	}
	claims, err := t.readClaims(payload)
	if err != nil {
		return nil, nil, err
	}
	return &checkedToken{keyID: head.KeyID, claims: claims}, set, nil
}

// parse reads the token without trusting it: all that its head decides is which of our own keys it is held against. A
// key that it brings along or points to is passed over.
func parse(token string) (*jose.JSONWebSignature, jose.Header, error) {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := encoding.DecodeString(part); err != nil || part == "" {
			return nil, jose.Header{}, errors.New("a part of the token is not in its one spelling")
		}
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, jose.Header{}, errors.New("the token does not parse") // the library's text quotes it
	}
	head := signed.Signatures[0].Protected
	if kind, _ := head.ExtraHeaders[jose.HeaderType].(string); kind != tokenType {
		return nil, jose.Header{}, errors.New("the token is of another type")
	}
	return signed, head, nil
}

func (t *Tokens) readClaims(payload []byte) (domain.AccessClaims, error) {
	var wire wireClaims
	if err := json.Unmarshal(payload, &wire); err != nil {
		return domain.AccessClaims{}, errors.New("the token's claims do not parse")
	}
	switch {
	case wire.Issuer != t.cfg.Issuer:
		return domain.AccessClaims{}, errors.New("the token is of another issuer")
	case string(wire.Audience) != t.cfg.Audience:
		return domain.AccessClaims{}, errors.New("the token is for another audience")
	case wire.ExpiresAt == nil || wire.IssuedAt == nil || wire.TokenID == "" || wire.SessionID == "" || wire.Subject == "":
		return domain.AccessClaims{}, errors.New("the token lacks a claim")
	}
	claims := domain.AccessClaims{
		TokenID: wire.TokenID, Subject: domain.UserID(wire.Subject), SessionID: domain.SessionID(wire.SessionID),
		Methods: slices.Clip(wire.Methods), Generation: wire.Generation,
		IssuedAt: time.Unix(*wire.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(*wire.ExpiresAt, 0).UTC(),
	}
	if wire.AuthTime != 0 {
		claims.AuthTime = time.Unix(wire.AuthTime, 0).UTC()
	}
	return claims, nil
}

// mayReread takes from the budget of unknown keys.
func (t *Tokens) mayReread(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.budgets.IsZero() || now.Before(t.budgets) {
		t.budgets = now
	}
	if more := int(now.Sub(t.budgets) / unknownEvery); more > 0 {
		t.budget = min(unknownBurst, t.budget+more)
		t.budgets = now
	}
	if t.budget == 0 {
		return false
	}
	t.budget--
	return true
}
