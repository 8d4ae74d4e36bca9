package auth_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

const promised = "Correct-Horse-7-Battery"

// ackRule verifies a credential concurrently while it is revoked. It reports each verification that started after the
// revocation was answered and still succeeded. A verification that starts earlier may succeed or fail.
func ackRule(t *testing.T, s *kit.Services, credential string, revoke func(ctx context.Context) error) {
	t.Helper()
	var answered atomic.Bool
	var valid, late atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				startedAfter := answered.Load()
				_, err := s.Auth.Authenticate(context.WithoutCancel(ctx), credential, kit.Origin)
				switch {
				case err == nil && startedAfter:
					late.Add(1)
				case err == nil:
					valid.Add(1)
				case !errors.Is(err, fault.ErrUnauthorized):
					t.Error(err)
				}
			}
		})
	}
	for valid.Load() < 100 && ctx.Err() == nil {
		runtime.Gosched() // until the goroutines have started
	}
	if err := revoke(t.Context()); err != nil {
		t.Error(err)
	}
	answered.Store(true)
	for range 200 {
		if _, err := s.Auth.Authenticate(t.Context(), credential, kit.Origin); err == nil {
			late.Add(1)
		}
	}
	stop()
	wg.Wait()
	if late.Load() > 0 {
		t.Errorf("%d verifications succeeded that started after the revocation was answered", late.Load())
	}
}

func TestNoVerificationSucceedsAfterRevocation(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", promised, "admin")
	_, admin := s.SignIn(t, "root", promised, "198.51.100.1")
	tests := map[string]func(ctx context.Context, p domain.Principal, in auth.SignedIn, key apikey.Created) error{
		"revoke": func(ctx context.Context, p domain.Principal, _ auth.SignedIn, _ apikey.Created) error {
			_, err := s.Auth.Revoke(ctx, admin, p.SessionID)
			return err
		},
		"revoke all": func(ctx context.Context, p domain.Principal, _ auth.SignedIn, _ apikey.Created) error {
			_, err := s.Auth.RevokeAll(ctx, admin, p.UserID, false)
			return err
		},
		"logout": func(ctx context.Context, _ domain.Principal, in auth.SignedIn, _ apikey.Created) error {
			return s.Auth.Logout(ctx, kit.From("203.0.113.9"), in.Tokens.Refresh, "")
		},
		"deactivation": func(ctx context.Context, p domain.Principal, _ auth.SignedIn, _ apikey.Created) error {
			_, err := s.Account.Deactivate(ctx, admin, p.UserID)
			return err
		},
		"purge": func(ctx context.Context, p domain.Principal, _ auth.SignedIn, _ apikey.Created) error {
			_, err := s.Account.Purge(ctx, admin, p.UserID, nil)
			return err
		},
		"key": func(ctx context.Context, _ domain.Principal, _ auth.SignedIn, key apikey.Created) error {
			_, err := s.Keys.Revoke(ctx, admin, key.ID)
			return err
		},
		"key of a deactivated user": func(ctx context.Context, p domain.Principal, _ auth.SignedIn, _ apikey.Created) error {
			_, err := s.Account.Deactivate(ctx, admin, p.UserID)
			return err
		},
	}
	number := 0
	for name, revoke := range tests {
		number++
		login := "user" + string(rune('a'+number))
		s.Register(t, login, promised, "user")
		in, p := s.SignIn(t, login, promised, "203.0.113.9")
		key, err := s.Keys.Create(t.Context(), p, p.UserID, apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}})
		if err != nil {
			t.Fatal(err)
		}
		credential := in.Tokens.Access
		if name[:3] == "key" {
			credential = key.Text
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ackRule(t, s, credential, func(ctx context.Context) error { return revoke(ctx, p, in, key) })
		})
	}
}

func TestEveryLoginStartsItsOwnSession(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "john", promised, "user")
	one, _ := s.SignIn(t, "john", promised, "203.0.113.9")
	two, _ := s.SignIn(t, "john", promised, "203.0.113.9")
	if one.Session.ID == two.Session.ID || one.Tokens.Access == two.Tokens.Access ||
		one.Tokens.Refresh == two.Tokens.Refresh {
		t.Error("two logins share a session or a token")
	}
}

func TestRevokingForeignSessionLooksLikeUnknownSession(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "john", promised, "user")
	s.Register(t, "eve", promised, "user")
	_, john := s.SignIn(t, "john", promised, "203.0.113.9")
	_, eve := s.SignIn(t, "eve", promised, "203.0.113.66")
	_, foreign := s.Auth.Revoke(t.Context(), eve, john.SessionID)
	_, absent := s.Auth.Revoke(t.Context(), eve, "sess_00000000000000000000000000")
	if !errors.Is(foreign, domain.ErrSessionNotFound) || fault.Of(foreign).Error() != fault.Of(absent).Error() {
		t.Errorf("session of another user: %v, unknown session: %v", foreign, absent)
	}
	first, err := s.Auth.Revoke(t.Context(), john, john.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Forward(time.Minute)
	if again, err := s.Auth.Revoke(t.Context(), john, john.SessionID); err != nil || !again.Equal(first) {
		t.Errorf("revoking again: %v, %v, want the time of the first, %v", again, err, first)
	}
}

func TestReusedUsernameInheritsNothing(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", promised, "admin")
	_, admin := s.SignIn(t, "root", promised, "198.51.100.1")
	old := s.Register(t, "john", promised, "admin")
	in, p := s.SignIn(t, "john", promised, "203.0.113.9")
	key, err := s.Keys.Create(t.Context(), p, old.ID, apikey.CreateInput{Name: "k", Permissions: []string{"users.manage"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account.Deactivate(t.Context(), admin, old.ID); err != nil {
		t.Fatal(err)
	}
	_, err = s.Account.Create(t.Context(), admin, account.NewUser{
		Username: "john", Email: "john@example.com",
		Password: promised,
	})
	if !errors.Is(err, domain.ErrUserExists) {
		t.Errorf("the name of a deactivated user: %v, want it taken", err)
	}
	if _, err := s.Account.Purge(t.Context(), admin, old.ID, nil); err != nil {
		t.Fatal(err)
	}
	next := s.Register(t, "john", promised, "user")
	if next.ID == old.ID {
		t.Error("the new user has the old ID")
	}
	for what, credential := range map[string]string{"session": in.Tokens.Access, "key": key.Text} {
		if _, err := s.Auth.Authenticate(t.Context(), credential, kit.Origin); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("the old %s works: %v", what, err)
		}
	}
	if keys, err := s.Keys.List(t.Context(), admin, next.ID, domain.Page{}); err != nil || len(keys.Keys) != 0 {
		t.Errorf("the new user has %d keys (%v)", len(keys.Keys), err)
	}
}
