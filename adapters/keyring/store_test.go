package keyring_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// keyStore is the embedded store; it counts reads and can be switched off.
type keyStore struct {
	ports.SigningKeyStore
	reads atomic.Int64
	down  atomic.Bool
}

func openStore(tb testing.TB, clock ports.Clock) *keyStore {
	tb.Helper()
	store, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Dir: tb.TempDir(), Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return &keyStore{SigningKeyStore: store.SigningKeyStore()}
}

func (s *keyStore) SigningKeys(ctx context.Context) ([]domain.SigningKey, error) {
	s.reads.Add(1)
	if s.down.Load() {
		return nil, fault.ErrStorage
	}
	return s.SigningKeyStore.SigningKeys(ctx)
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

// newMachine returns a node whose tokens are not open yet.
func newMachine(tb testing.TB) *node {
	tb.Helper()
	clock := newHandClock()
	return &node{clock: clock, store: openStore(tb, clock), kek: keyring.NewKey()}
}

func newNode(tb testing.TB, algorithm string) *node {
	tb.Helper()
	n := newMachine(tb)
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
	tokens, err := keyring.NewTokens(keyring.Config{Issuer: issuer, Algorithm: algorithm, TokenLife: life}, n.store,
		sealer, n.clock)
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
		Generation: 3,
		IssuedAt:   now, ExpiresAt: now.Add(life),
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
