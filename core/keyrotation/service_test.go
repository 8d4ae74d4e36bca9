package keyrotation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/keyrotation"
	"github.com/ostiary/ostiary/test/kit"
)

func sealer(t *testing.T, keys ...keyring.Key) *keyring.Sealer {
	t.Helper()
	s, err := keyring.NewSealer(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tokens(t *testing.T, s *kit.Services, sealer *keyring.Sealer) *keyring.Tokens {
	t.Helper()
	opened, err := keyring.NewTokens(keyring.Config{Issuer: "https://id.example.com", TokenLife: time.Hour},
		s.Store.SigningKeyStore(), sealer, s.Clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return opened
}

func newService(t *testing.T, s *kit.Services, sealer *keyring.Sealer) *keyrotation.Service {
	t.Helper()
	return keyrotation.New(keyrotation.Deps{
		Users: s.Ports.Users, Sessions: s.Ports.Sessions, Tokens: tokens(t, s, sealer),
		Signer:      audit.NewSigner(s.Ports.Seals, sealer),
		SigningKeys: s.Ports.SigningKeys, Clock: s.Clock, Sealer: sealer, AuditWriter: s.AuditWriter,
	})
}

// twoFactors gives the user two factors, one of them pending.
func twoFactors(t *testing.T, s *kit.Services, id domain.UserID) {
	t.Helper()
	seal := func(secret string) []byte {
		sealed, err := s.Sealer.Seal([]byte(secret), factor.SecretBinding(id))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	_, err := s.Store.Users().Update(t.Context(), id, func(u *domain.User, _ *domain.Outbox) error {
		u.Factor.Method, u.Factor.Secret = domain.MethodTOTP, seal("live")
		u.Factor.Pending = &domain.Enrollment{
			Method: domain.MethodTOTP, Secret: seal("waiting"),
			ExpiresAt: s.Clock.Now().Add(time.Hour),
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFormerKeyCanBeRetired(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "john", "Quietly-Umbrella-4417", "user")
	s.Register(t, "jane", "Quietly-Umbrella-4417", "user") // holds nothing sealed
	signedIn, by := s.SignIn(t, "john", "Quietly-Umbrella-4417", "192.0.2.9")
	twoFactors(t, s, by.UserID)
	logKey, err := audit.NewSigner(s.Ports.Seals, s.Sealer).PublicKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	fresh := keyring.NewKey()
	service := newService(t, s, sealer(t, fresh, s.KEK))
	for try, want := range []keyrotation.Report{{Users: 1, Sessions: 1}, {}} {
		got, err := service.Run(t.Context(), domain.Operator(), func(int) {})
		if err != nil || got != want {
			t.Fatalf("run %d: %+v, %v; want %+v", try, got, err, want)
		}
	}

	alone := sealer(t, fresh)
	user, err := s.Store.Users().Get(t.Context(), by.UserID)
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.Store.Sessions().Get(t.Context(), by.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	for what, field := range map[string]struct {
		sealed        []byte
		binding, want string
	}{
		"the second factor":             {user.Factor.Secret, factor.SecretBinding(user.ID), "live"},
		"the pending factor":            {user.Factor.Pending.Secret, factor.SecretBinding(user.ID), "waiting"},
		"the key of the refresh tokens": {session.Refresh.Key, auth.RefreshBinding(session.ID), ""},
	} {
		plain, err := alone.Open(field.sealed, field.binding)
		if err != nil || field.want != "" && string(plain) != field.want {
			t.Errorf("%s: %q, %v", what, plain, err)
		}
	}
	if _, err := tokens(t, s, alone).Check(t.Context(), signedIn.Tokens.Access, s.Clock.Now()); err != nil {
		t.Errorf("an access token is refused: %v", err)
	}
	if key, err := audit.NewSigner(s.Ports.Seals, alone).PublicKey(t.Context()); err != nil || key != logKey {
		t.Errorf("the log's key is %s, %v; want %s", key, err, logKey)
	}
}

func TestRunRequiresPermissionAndIsAudited(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	service := newService(t, s, s.Sealer)
	if _, err := service.Run(t.Context(), s.As(t, s.User(t, "jane", domain.RoleUser)), func(int) {}); !errors.Is(err,
		fault.ErrForbidden) {
		t.Errorf("a user without the permission: %v, want fault.ErrForbidden", err)
	}
	if _, err := service.Run(t.Context(), domain.Operator(), func(int) {}); err != nil {
		t.Fatal(err)
	}
	entries := s.Entries(t)
	last := entries[len(entries)-1]
	if last.Action != domain.ActionKeyRotate || last.Target != "key_encryption_key" || last.UserID != "cli" ||
		!last.Success {
		t.Errorf("the last entry is %s of %s by %s", last.Action, last.Target, last.UserID)
	}
}

func TestBrokenOffRunIsAudited(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	service := newService(t, s, s.Sealer)
	s.User(t, "jane", domain.RoleUser)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := service.Run(ctx, domain.Operator(), func(int) { cancel() })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	entries := s.Entries(t)
	if last := entries[len(entries)-1]; last.Action != domain.ActionKeyRotate {
		t.Errorf("the last entry is %s", last.Action)
	}
}

func TestValueUnderAnUnknownKeyIsReported(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "john", "Quietly-Umbrella-4417", "user")
	_, by := s.SignIn(t, "john", "Quietly-Umbrella-4417", "192.0.2.9")
	stranger := newService(t, s, sealer(t, keyring.NewKey(), s.KEK))
	_, err := s.Store.Users().Update(t.Context(), by.UserID, func(u *domain.User, _ *domain.Outbox) error {
		u.Factor.Method, u.Factor.Secret = domain.MethodTOTP, []byte("v1.0000000000000000.AAAA.AAAA")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Run(t.Context(), domain.Operator(), func(int) {}); err == nil {
		t.Error("a value that does not open was skipped: the former key would be retired too early")
	}
	entries := s.Entries(t)
	if last := entries[len(entries)-1]; last.Success {
		t.Error("the entry reports success")
	}
}
