package keyring

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// freshFor is how long a node signs and publishes with the set that it has read.
	freshFor = time.Minute
	// staleFor is how long it signs with that set while the store does not answer. A retiring key is kept for that much
	// longer than its tokens live, since another node may sign with it for so long.
	staleFor = 10 * time.Minute
	// retryAfter is how long callers are not made to wait again for a store that did not answer.
	retryAfter = 5 * time.Second
	// skew is how far the clocks of nodes may be apart.
	skew = 5 * time.Second
	// Unknown keys make a node read the set again, unknownBurst times at once and then once per unknownEvery: enough for
	// several rotations in a row, and no way to load the store with forged tokens.
	unknownBurst = 5
	unknownEvery = 2 * time.Second

	defaultCache = 20_000
)

// Config says what the access tokens are like.
type Config struct {
	Issuer   string // "iss", the public URL
	Audience string // "aud"; empty for the issuer
	// Algorithm is EdDSA (also when empty), ES256 or RS256. A change of it is published with the next key, and takes
	// effect when that becomes the active one (Rotate).
	Algorithm string
	// TokenLife is the longest life of an access token: so long a key is kept after it has signed for the last time.
	TokenLife time.Duration
	// CacheSize is how many successful checks are remembered, about 600 bytes each; 0 for 20,000.
	CacheSize int
}

// Tokens implements ports.AccessTokens. It is safe for concurrent use, and several nodes may share a store.
type Tokens struct {
	cfg    Config
	store  ports.SigningKeyStore
	sealer ports.Sealer
	clock  ports.Clock

	set     atomic.Pointer[keySet]
	retryAt atomic.Int64 // Unix time in nanoseconds before which a store that did not answer is left alone
	checked *lru.Cache[[sha256.Size]byte, *checkedToken]

	mu      sync.Mutex // one reads the store; the others wait and use what it read
	budget  int        // how many unknown keys may still make us read the set
	budgets time.Time  // when budget was last raised
}

// checkedToken is a token whose signature was right.
type checkedToken struct {
	keyID  string
	claims domain.AccessClaims
}

// NewTokens returns the tokens of cfg; Open must be called before anything else. It makes no call to the store.
func NewTokens(cfg Config, store ports.SigningKeyStore, sealer ports.Sealer, clock ports.Clock) (*Tokens, error) {
	if cfg.Algorithm == "" {
		cfg.Algorithm = EdDSA
	}
	if cfg.Audience == "" {
		cfg.Audience = cfg.Issuer
	}
	if cfg.CacheSize == 0 {
		cfg.CacheSize = defaultCache
	}
	switch {
	case cfg.Issuer == "":
		return nil, errors.New("access tokens need an issuer")
	case cfg.TokenLife <= 0:
		return nil, errors.New("access tokens need a life")
	case cfg.Algorithm != EdDSA && cfg.Algorithm != ES256 && cfg.Algorithm != RS256:
		return nil, errors.New("access tokens are signed by EdDSA, ES256 or RS256")
	}
	cache, err := lru.New[[sha256.Size]byte, *checkedToken](cfg.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("making the cache of tokens: %w", err)
	}
	return &Tokens{cfg: cfg, store: store, sealer: sealer, clock: clock, checked: cache, budget: unknownBurst}, nil
}

// Open reads the signing keys, and makes the first ones where there are none. Of several nodes that start together on
// an empty store one makes them and all use the same.
func (t *Tokens) Open(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		keys, err := t.store.SigningKeys(ctx)
		if err != nil {
			return fmt.Errorf("reading the signing keys: %w", err)
		}
		wanted, changed, err := t.complete(keys)
		if err != nil {
			return err
		}
		if !changed {
			return t.use(keys)
		}
		err = t.store.PutSigningKeys(ctx, versionOf(keys), wanted, domain.Outbox{})
		// A conflict means that another node was faster: use what it made.
		if err != nil && !errors.Is(err, fault.ErrConflict) {
			return fmt.Errorf("writing the first signing keys: %w", err)
		}
	}
}

// complete adds what the set lacks: an active key, and a next one of the configured algorithm.
func (t *Tokens) complete(keys []domain.SigningKey) (wanted []domain.SigningKey, changed bool, err error) {
	have := map[domain.SigningKeyState]bool{}
	for _, key := range keys {
		if key.State == domain.KeyNext && key.Algorithm != t.cfg.Algorithm {
			changed = true // it has signed nothing yet and can go
			continue
		}
		have[key.State] = true
		wanted = append(wanted, key)
	}
	for _, state := range []domain.SigningKeyState{domain.KeyActive, domain.KeyNext} {
		if have[state] {
			continue
		}
		key, err := newSigningKey(t.cfg.Algorithm, state, t.clock.Now().UTC(), t.sealer)
		if err != nil {
			return nil, false, err
		}
		wanted, changed = append(wanted, key), true
	}
	return wanted, changed, nil
}

func versionOf(keys []domain.SigningKey) int64 {
	if len(keys) == 0 {
		return 0
	}
	return keys[0].Version
}

// use opens the keys and makes them the present set. The caller holds mu.
func (t *Tokens) use(keys []domain.SigningKey) error {
	set, err := openKeySet(keys, t.sealer, t.clock.Now())
	if err != nil {
		return err
	}
	t.set.Store(set)
	return nil
}

// present returns the set, read again when it is older than freshFor. While the store does not answer, the old one
// serves for staleFor.
func (t *Tokens) present(ctx context.Context) (*keySet, error) {
	set := t.set.Load()
	if set == nil {
		return nil, errors.New("the signing keys are not open")
	}
	now := t.clock.Now()
	age := now.Sub(set.read)
	if age >= 0 && age < freshFor || age >= 0 && age < staleFor && now.UnixNano() < t.retryAt.Load() {
		return set, nil
	}
	next, err := t.reread(ctx, set)
	if err == nil {
		return next, nil
	}
	t.retryAt.Store(now.Add(retryAfter).UnixNano())
	if age >= 0 && age < staleFor {
		return set, nil // good for a while, which is what it is kept for
	}
	return nil, err
}

// reread reads the set from the store, unless another goroutine has done so since seen was current.
func (t *Tokens) reread(ctx context.Context, seen *keySet) (*keySet, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if set := t.set.Load(); set != seen {
		return set, nil
	}
	keys, err := t.store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing keys: %w", err)
	}
	if err := t.use(keys); err != nil {
		return nil, err
	}
	return t.set.Load(), nil
}

// KeySet returns the public keys as a JWK Set (RFC 7517): the next, the active and the retiring ones. It is at most a
// minute behind other nodes, and a next key is published at once where it was made.
func (t *Tokens) KeySet(ctx context.Context) ([]byte, error) {
	set, err := t.present(ctx)
	if err != nil {
		return nil, fault.ErrStorage.Because(err)
	}
	return set.jwks, nil
}

// Rotate makes the next key the active one, publishes another next one, and drops retiring keys whose tokens have all
// run out. The private parts that stay are sealed under the active KEK. When another node rotates at the same moment,
// one of the two is fault.ErrConflict. The returned id is that of the key that signs from now on.
func (t *Tokens) Rotate(ctx context.Context, now time.Time, out domain.Outbox) (keyID string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys, err := t.store.SigningKeys(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the signing keys: %w", err)
	}
	next, keyID, err := t.rotated(keys, now.UTC())
	if err != nil {
		return "", err
	}
	if err := t.store.PutSigningKeys(ctx, versionOf(keys), next, out); err != nil {
		return "", fmt.Errorf("writing the signing keys: %w", err)
	}
	if keys, err = t.store.SigningKeys(ctx); err != nil {
		return keyID, nil // the rotation succeeded; the set is read again when it is needed
	}
	return keyID, t.use(keys)
}

func (t *Tokens) rotated(keys []domain.SigningKey, now time.Time) (next []domain.SigningKey, active string, err error) {
	for _, key := range keys {
		switch {
		case key.State == domain.KeyRetiring && !now.Before(key.RetiresAt):
			continue
		case key.State == domain.KeyActive:
			key.State, key.RetiresAt = domain.KeyRetiring, now.Add(t.cfg.TokenLife+staleFor+skew)
		case key.State == domain.KeyNext:
			key.State, active = domain.KeyActive, key.ID
		}
		if key.Private, err = t.rewrap(key); err != nil {
			return nil, "", err
		}
		next = append(next, key)
	}
	if active == "" {
		return nil, "", errors.New("there is no next signing key")
	}
	fresh, err := newSigningKey(t.cfg.Algorithm, domain.KeyNext, now, t.sealer)
	if err != nil {
		return nil, "", err
	}
	return append(next, fresh), active, nil
}

func (t *Tokens) rewrap(key domain.SigningKey) ([]byte, error) {
	value, _, err := t.sealer.Rewrap(key.Private, signingBinding(key.ID))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", key.ID, err)
	}
	return value, nil
}

// Reencrypt re-encrypts the private parts under the active KEK. If another node changes the set concurrently, it
// returns fault.ErrConflict.
func (t *Tokens) Reencrypt(ctx context.Context) error {
	keys, err := t.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("reading the signing keys: %w", err)
	}
	resealed := false
	for i := range keys {
		before := keys[i].Private
		if keys[i].Private, err = t.rewrap(keys[i]); err != nil {
			return err
		}
		resealed = resealed || !bytes.Equal(before, keys[i].Private)
	}
	if !resealed {
		return nil
	}
	if err := t.store.PutSigningKeys(ctx, versionOf(keys), keys, domain.Outbox{}); err != nil {
		return fmt.Errorf("writing the signing keys: %w", err)
	}
	return nil
}

// wireClaims are the claims as they stand in a token. Pointers tell what is absent.
type wireClaims struct {
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	Audience  audiences `json:"aud"`
	ExpiresAt *int64    `json:"exp"`
	IssuedAt  *int64    `json:"iat"`
	TokenID   string    `json:"jti"`
	SessionID string    `json:"sid"`
	// Generation counts the refreshes of the session. A token of an older version has none, which is the same as the
	// first.
	Generation int64    `json:"gen"`
	AuthTime   int64    `json:"auth_time,omitempty"`
	Methods    []string `json:"amr,omitempty"`
}

// audiences is written as one string and read as one string or a list with one.
type audiences string

// UnmarshalJSON reads one audience; several are refused, since a token for others too is none of ours.
func (a *audiences) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*a = audiences(one)
		return nil
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil || len(list) != 1 {
		return errors.New("aud is not one audience")
	}
	*a = audiences(list[0])
	return nil
}
