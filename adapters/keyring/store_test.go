package keyring_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// keyStore keeps signing keys for tests of what is made of them; it counts reads and can be switched off.
type keyStore struct {
	reads atomic.Int64
	down  atomic.Bool

	mu      sync.Mutex
	version int64
	keys    []domain.SigningKey
}

var _ ports.SigningKeyStore = (*keyStore)(nil)

func (s *keyStore) SigningKeys(context.Context) ([]domain.SigningKey, error) {
	s.reads.Add(1)
	if s.down.Load() {
		return nil, fault.ErrStorage
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), nil
}

func (s *keyStore) PutSigningKeys(_ context.Context, version int64, keys []domain.SigningKey, _ domain.Outbox) error {
	if s.down.Load() {
		return fault.ErrStorage
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if version != s.version {
		return fault.ErrConflict
	}
	s.version++
	s.keys = slices.Clone(keys)
	for i := range s.keys {
		s.keys[i].Version = s.version
	}
	return nil
}

type handClock struct{ now atomic.Int64 }

func (c *handClock) Now() time.Time          { return time.Unix(0, c.now.Load()).UTC() }
func (c *handClock) Advance(d time.Duration) { c.now.Add(int64(d)) }
func newHandClock() *handClock {
	c := &handClock{}
	c.now.Store(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

// node is one process of a deployment.
type node struct {
	*keyring.Tokens
	clock *handClock
	store *keyStore
	kek   keyring.Key
}

const (
	issuer = "https://id.example.com"
	life   = time.Hour
)

func newNode(tb testing.TB, algorithm string) *node {
	tb.Helper()
	n := &node{clock: newHandClock(), store: &keyStore{}, kek: keyring.NewKey()}
	n.Tokens = openTokens(tb, n, algorithm, n.kek)
	return n
}

// another opens a second node on the same store.
func (n *node) another(tb testing.TB, algorithm string) *node {
	tb.Helper()
	return &node{Tokens: openTokens(tb, n, algorithm, n.kek), clock: n.clock, store: n.store, kek: n.kek}
}

func openTokens(tb testing.TB, n *node, algorithm string, keks ...keyring.Key) *keyring.Tokens {
	tb.Helper()
	sealer, err := keyring.NewSealer(keks)
	if err != nil {
		tb.Fatal(err)
	}
	tokens, err := keyring.NewTokens(keyring.Config{Issuer: issuer, Algorithm: algorithm, TokenLife: life}, n.store, sealer, n.clock)
	if err != nil {
		tb.Fatal(err)
	}
	if err := tokens.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return tokens
}

func (n *node) claims() domain.AccessClaims {
	now := n.clock.Now().Truncate(time.Second)
	return domain.AccessClaims{
		TokenID: "tok_1", Subject: "usr_1", SessionID: "sess_1", AuthTime: now, Methods: []string{"pwd", "otp"},
		IssuedAt: now, ExpiresAt: now.Add(life),
	}
}

func (n *node) issue(tb testing.TB) string {
	tb.Helper()
	token, err := n.Issue(tb.Context(), n.claims())
	if err != nil {
		tb.Fatal(err)
	}
	return token
}
