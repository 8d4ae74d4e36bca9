package keyring_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.AccessTokens = (*keyring.Tokens)(nil)

func TestIssuedTokensCheck(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"", keyring.EdDSA, keyring.ES256, keyring.RS256} {
		t.Run("under "+algorithm, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, algorithm)
			token := n.issue(t)
			for range 2 { // the second time from the cache
				got, err := n.Check(t.Context(), token, n.clock.Now())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(n.claims(), got); diff != "" {
					t.Errorf("the claims came back changed:\n%s", diff)
				}
			}
		})
	}
}

func TestTokensEndAtTheirTime(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	token := n.issue(t)
	start := n.clock.Now()
	for name, tt := range map[string]struct {
		at time.Time
		ok bool
	}{
		"in their last second":            {start.Add(life - time.Second), true},
		"at their end":                    {start.Add(life), false},
		"long before they were made":      {start.Add(-time.Minute), false},
		"on a node whose clock is behind": {start.Add(-3 * time.Second), true},
	} {
		if _, err := n.Check(t.Context(), token, tt.at); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIssueRefusesIncompleteClaims(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	for name, spoil := range map[string]func(*domain.AccessClaims){
		"without an id":            func(c *domain.AccessClaims) { c.TokenID = "" },
		"without a subject":        func(c *domain.AccessClaims) { c.Subject = "" },
		"without a session":        func(c *domain.AccessClaims) { c.SessionID = "" },
		"without an end":           func(c *domain.AccessClaims) { c.ExpiresAt = time.Time{} },
		"that outlive their key":   func(c *domain.AccessClaims) { c.ExpiresAt = c.IssuedAt.Add(life + time.Second) },
		"without a time of making": func(c *domain.AccessClaims) { c.IssuedAt = time.Time{} },
	} {
		claims := n.claims()
		spoil(&claims)
		if _, err := n.Issue(t.Context(), claims); err == nil {
			t.Errorf("claims %s were signed", name)
		}
	}
}

func TestTheHotPathAsksNoStore(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	before := n.store.reads.Load()
	for range 100 {
		if _, err := n.Check(t.Context(), n.issue(t), n.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if reads := n.store.reads.Load() - before; reads != 0 {
		t.Errorf("issuing and checking 100 tokens read the store %d times", reads)
	}
}

func TestNodesThatStartTogetherShareTheirKeys(t *testing.T) {
	t.Parallel()
	first := newMachine(t)
	sets := make([]string, 8)
	var wg sync.WaitGroup
	for i := range sets {
		wg.Go(func() {
			set, err := openTokens(t, first, keyring.EdDSA, first.kek).KeySet(t.Context())
			if err != nil {
				t.Error(err)
			}
			sets[i] = string(set)
		})
	}
	wg.Wait()
	for _, set := range sets {
		if set != sets[0] {
			t.Fatalf("nodes publish %s and %s", sets[0], set)
		}
	}
}

func TestNodesLiveOnWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	n.store.down.Store(true)
	n.clock.Advance(9 * time.Minute)
	token := n.issue(t)
	if _, err := n.Check(t.Context(), token, n.clock.Now()); err != nil {
		t.Errorf("a token is refused while the store is down: %v", err)
	}
	before := n.store.reads.Load()
	n.issue(t)
	if n.store.reads.Load() != before {
		t.Error("each caller waits again for a store that is down")
	}
	n.clock.Advance(2 * time.Minute)
	if _, err := n.Issue(t.Context(), n.claims()); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("a node that cannot tell which key signs answers %v, want fault.ErrStorage", err)
	}
	n.store.down.Store(false)
	n.clock.Advance(10 * time.Second)
	n.issue(t)
}

func TestAnotherAlgorithmComesWithTheNextKey(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	old := n.issue(t)
	changed := n.another(t, keyring.ES256)
	if got := published(t, changed); got[1].Algorithm != keyring.ES256 || got[0].Algorithm != keyring.EdDSA {
		t.Fatalf("published %v, want the active key as it was and a next one of ES256", got)
	}
	if _, err := changed.Rotate(t.Context(), n.clock.Now(), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{old, changed.issue(t)} {
		for _, at := range []*node{n, changed} {
			if _, err := at.Check(t.Context(), token, n.clock.Now()); err != nil {
				t.Errorf("a token is refused after the change of the algorithm: %v", err)
			}
		}
	}
}

func TestRotateSealsUnderTheActiveKEK(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	token := n.issue(t)
	fresh := keyring.NewKey()
	moved := openTokens(t, n, keyring.EdDSA, fresh, n.kek)
	if _, err := moved.Rotate(t.Context(), n.clock.Now(), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	alone := openTokens(t, n, keyring.EdDSA, fresh)
	if _, err := alone.Check(t.Context(), token, n.clock.Now()); err != nil {
		t.Errorf("without the former KEK a token is refused: %v", err)
	}
}

func TestOpenRefusesKeysThatWereMoved(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	keys, _ := n.store.SigningKeys(t.Context())
	keys[0].Private, keys[1].Private = keys[1].Private, keys[0].Private
	if err := n.store.PutSigningKeys(t.Context(), keys[0].Version, keys, domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	sealer := newSealer(t, n.kek)
	tokens, err := keyring.NewTokens(keyring.Config{Issuer: issuer, TokenLife: life}, n.store, sealer, n.clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := tokens.Open(t.Context()); err == nil {
		t.Error("a key that was put in another's place was used")
	}
}

type publishedKey struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	Private   string `json:"d"`
}

func published(t *testing.T, n *node) []publishedKey {
	t.Helper()
	text, err := n.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []publishedKey `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Private != "" || key.Use != "sig" || key.ID == "" {
			t.Errorf("the key set publishes %s", text)
		}
	}
	return set.Keys
}
