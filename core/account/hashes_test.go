package account_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// learningHasher records the hashes passed to Learn.
type learningHasher struct {
	ports.PasswordHasher

	mu     sync.Mutex
	hashes []string
}

func (h *learningHasher) Learn(_ context.Context, hash string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hashes = append(h.hashes, hash)
	return nil
}

func TestLearnHashesReadsAllUsers(t *testing.T) {
	t.Parallel()
	hasher := &learningHasher{}
	s := kit.Start(t, kit.Options{Hasher: func(h ports.PasswordHasher) ports.PasswordHasher {
		hasher.PasswordHasher = h
		return hasher
	}})
	const foreign = "$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC"
	first := s.Register(t, "came-with-a-hash", right, "user")
	_, err := s.Store.Users().Update(t.Context(), first.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Password.Hash = foreign
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range domain.Limits.PageSize.Max { // moves the first user to the second page
		s.Register(t, fmt.Sprint("person", i), right, "user")
	}
	if err := s.Account.LearnHashes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(hasher.hashes) != domain.Limits.PageSize.Max+1 || !slices.Contains(hasher.hashes, foreign) {
		t.Errorf("learned %d hashes, want those of all users", len(hasher.hashes))
	}
}
