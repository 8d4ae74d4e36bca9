package auth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// countingHasher counts the verifications of passwords.
type countingHasher struct {
	ports.PasswordHasher

	checks atomic.Int64
}

func (h *countingHasher) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	h.checks.Add(1)
	return h.PasswordHasher.Verify(ctx, hash, password)
}

// The time of a refusal must not reveal whether the name exists: each refusal costs one hash verification, also without
// a hash.
func TestEveryRefusalCostsOneHash(t *testing.T) {
	t.Parallel()
	counter := &countingHasher{}
	s := kit.Start(t, kit.Options{Hasher: func(h ports.PasswordHasher) ports.PasswordHasher {
		counter.PasswordHasher = h
		return counter
	}})
	s.Register(t, "ada", right, "user")
	deactivated := s.Register(t, "deactivated", right, "user")
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), deactivated.ID); err != nil {
		t.Fatal(err)
	}
	pending := account.NewUser{Username: "pending", Email: "pending@example.com", Role: "user"}
	if _, err := s.Account.Create(t.Context(), domain.Operator(), pending); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]auth.LoginInput{
		"a wrong password":                       {Name: "ada", Password: "Wrong-horse-7"},
		"a wrong password by address":            {Name: "ada@example.com", Password: "Wrong-horse-7"},
		"an unknown name":                        {Name: "nobody", Password: right},
		"an unknown address":                     {Name: "nobody@example.com", Password: right},
		"correct password of a deactivated user": {Name: "deactivated", Password: right},
		"wrong password of a deactivated user":   {Name: "deactivated", Password: "Wrong-horse-7"},
		"a user without a password":              {Name: "pending", Password: right},
	} {
		before := counter.checks.Load()
		if _, err := s.Auth.Login(t.Context(), kit.From(home), in); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
		if checks := counter.checks.Load() - before; checks != 1 {
			t.Errorf("%s: %d hash verifications, want 1", name, checks)
		}
	}
}
