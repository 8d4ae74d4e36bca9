package oidcdir

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys       = 100
	weakestRSABit = 2048
)

var errUnknownKey = errors.New("the token is not signed by a key that the provider publishes")

// publicKey is one usable key of the provider.
type publicKey struct {
	jose.JSONWebKey

	// issuer is Entra's declaration of the tenants that the key signs for.
	issuer string
}

// keyRing implements oidc.KeySet with the provider's keys and the fetch limits of this package.
type keyRing struct {
	url        string
	algorithms []jose.SignatureAlgorithm
	keys       *cached[[]publicKey]
}

// VerifySignature returns the payload of a token that one of the provider's keys signed. An error that is not an
// outage means that none did.
func (r *keyRing) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, r.algorithms)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	keys, err := r.keys.get(ctx)
	if err != nil {
		return nil, outage("fetching the keys", err)
	}
	if payload, ok := verifyWith(keys, signed); ok {
		return payload, nil
	}
	// The provider may have changed its keys since then.
	if keys, err = r.keys.renew(ctx); err != nil {
		return nil, outage("fetching the keys", err)
	}
	if payload, ok := verifyWith(keys, signed); ok {
		return payload, nil
	}
	return nil, errUnknownKey
}

func verifyWith(keys []publicKey, signed *jose.JSONWebSignature) ([]byte, bool) {
	header := signed.Signatures[0].Protected
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != header.KeyID || !key.fits(header.Algorithm) {
			continue
		}
		payload, err := signed.Verify(&key.JSONWebKey)
		if err == nil && key.signsFor(payload) {
			return payload, true
		}
	}
	return nil, false
}

// fits reports whether the key may be used with the algorithm (RFC 8725 section 3.1).
func (k *publicKey) fits(algorithm string) bool {
	return k.Algorithm == "" || k.Algorithm == algorithm || k.Algorithm == "Ed25519" && algorithm == string(jose.EdDSA)
}

// signsFor reports whether the key is meant for the token's issuer, if the key declares one: a key of one tenant must
// not sign for another.
func (k *publicKey) signsFor(payload []byte) bool {
	if k.issuer == "" {
		return true
	}
	var token struct {
		Issuer string `json:"iss"`
		Tenant string `json:"tid"`
	}
	if json.Unmarshal(payload, &token) != nil {
		return false
	}
	return strings.ReplaceAll(k.issuer, "{tenantid}", token.Tenant) == token.Issuer
}

// fetchKeys fetches the provider's key set. Unsupported keys are skipped.
func fetchKeys(ctx context.Context, client *http.Client, address string) ([]publicKey, error) {
	answer, err := get(ctx, client, address, "application/jwk-set+json, application/json", "")
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		return nil, fmt.Errorf("the key set's address answers %d", answer.status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(answer.body, &set) != nil {
		return nil, errors.New("the key set is not JSON")
	}
	if len(set.Keys) > maxKeys {
		set.Keys = set.Keys[:maxKeys]
	}
	var keys []publicKey
	for _, raw := range set.Keys {
		if key, ok := parseKey(raw); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of the %d keys in the key set can be used", len(set.Keys))
	}
	return keys, nil
}

func parseKey(raw json.RawMessage) (publicKey, bool) {
	var key publicKey
	if json.Unmarshal(raw, &key.JSONWebKey) != nil {
		return key, false
	}
	var more struct {
		Issuer string `json:"issuer"`
	}
	if json.Unmarshal(raw, &more) != nil {
		return key, false
	}
	key.issuer = more.Issuer
	// A published symmetric or private key proves nothing.
	if !key.IsPublic() || !key.Valid() || key.Use != "" && key.Use != "sig" {
		return key, false
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok && public.N.BitLen() < weakestRSABit {
		return key, false
	}
	return key, true
}
