package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

func requireRecentProof(t *testing.T, s *kit.Services, minutes int) {
	t.Helper()
	_, err := s.Settings.Patch(t.Context(), domain.Operator(),
		settings.Patch{"session_policy.reauthenticate_minutes": minutes}, 0)
	if err != nil {
		t.Fatal(err)
	}
}

func TestStepUpRenewsAuthTimeOfSession(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, p := s.SignIn(t, "ada", right, home)
	_, other := s.SignIn(t, "ada", right, home)
	s.Clock.Forward(20 * time.Minute)
	renewed, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: right})
	if err != nil || renewed.SessionID != p.SessionID || !renewed.AuthTime.Equal(s.Clock.Now()) {
		t.Fatalf("got %+v, %v", renewed, err)
	}
	again, err := s.Auth.Authenticate(t.Context(), in.Tokens.Access, kit.Origin)
	if err != nil || !again.AuthTime.Equal(s.Clock.Now()) {
		t.Errorf("existing token: auth time %s, error %v", again.AuthTime, err)
	}
	next := refresh(t, s, kit.From(home), in.Tokens.Refresh)
	claims, err := s.Tokens.Check(t.Context(), next.Tokens.Access, s.Clock.Now())
	if err != nil || !claims.AuthTime.Equal(s.Clock.Now()) {
		t.Errorf("refreshed token: auth time %s, error %v", claims.AuthTime, err)
	}
	session, err := s.Store.Sessions().Get(t.Context(), other.SessionID)
	if err != nil || !session.AuthTime.Equal(kit.Noon) {
		t.Errorf("another session: auth time %s, error %v", session.AuthTime, err)
	}
}

func TestFailedStepUpsCountAsAttemptsAndLock(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, p := s.SignIn(t, "ada", right, home)
	for range 5 {
		if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: "Wrong-horse-7"}); !errors.Is(err,
			domain.ErrCurrentPassword) {
			t.Fatalf("a wrong password: %v", err)
		}
	}
	if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: right}); !errors.Is(err,
		domain.ErrAccountLocked) {
		t.Errorf("correct password after five wrong ones: %v", err)
	}
	if err := login(t, s, "ada", right, home); !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("login after five wrong passwords: %v", err)
	}
	if err := verify(t, s, in.Tokens.Access); err != nil {
		t.Errorf("the session: %v", err)
	}
	if failed, locked := s.Logged(t, domain.ActionStepUp), s.Logged(t, domain.ActionAccountLocked); len(failed) != 6 ||
		len(locked) != 1 {
		t.Errorf("%d audit entries of failed step-ups, %d of the lock", len(failed), len(locked))
	}
	for _, e := range s.Logged(t, domain.ActionStepUp) {
		if e.Success || e.UserID != string(p.UserID) || e.Details["session_id"] != string(p.SessionID) {
			t.Errorf("audit entry %+v", e)
		}
	}
}

func TestStepUpRequiresSession(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, p := s.SignIn(t, "ada", right, home)
	key, token := p, p
	key.Kind, key.SessionID, key.KeyID = domain.PrincipalAPIKey, "", "key_x"
	token.Kind, token.SessionID, token.UserID = domain.PrincipalTPT, "", ""
	for name, tc := range map[string]struct {
		by   domain.Principal
		want error
	}{
		"an API key":          {key, domain.ErrReauthentication},
		"a third-party token": {token, domain.ErrReauthentication},
		"anonymous":           {kit.From(home), fault.ErrUnauthorized},
	} {
		if _, err := s.Auth.StepUp(t.Context(), tc.by, auth.StepUpInput{Password: right}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissingProofNamesAcceptedMethods(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, p := s.SignIn(t, "ada", right, home)
	for name, in := range map[string]auth.StepUpInput{"nothing": {}, "a code without a factor": {Code: "123456"}} {
		_, err := s.Auth.StepUp(t.Context(), p, in)
		methods, _ := fault.Of(err).Extra()["methods"].([]string)
		if !errors.Is(err, domain.ErrReauthentication) || len(methods) != 1 || methods[0] != "password" {
			t.Errorf("%s: %v, %v", name, err, methods)
		}
	}
	if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: right, Code: "123456"}); !errors.Is(err,
		fault.ErrInvalid) {
		t.Errorf("two proofs: %v", err)
	}
}

func TestDirectoryUserStepsUpAtTheDirectory(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	requireRecentProof(t, s, 5)
	in, err := signInto(t, s, "alice", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Forward(6 * time.Minute)
	p, err := s.Auth.Authenticate(t.Context(), in.Tokens.Access, kit.Origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: "wrong"}); !errors.Is(err,
		domain.ErrCurrentPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: openldap.Password}); err != nil {
		t.Errorf("the password of the directory: %v", err)
	}
	slapd.Stop()
	before := len(s.Logged(t, domain.ActionStepUp))
	if _, err := s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: openldap.Password}); !errors.Is(err,
		domain.ErrDirectoryUnavailable) {
		t.Errorf("without the directory: %v", err)
	}
	attempts, err := s.Store.AttemptStore().Get(t.Context(), "user:"+string(p.UserID))
	if err != nil || len(attempts.Failures) > 1 {
		t.Errorf("an outage counted: %d failures, %v", len(attempts.Failures), err)
	}
	if got := len(s.Logged(t, domain.ActionStepUp)); got != before+1 {
		t.Errorf("the outage left %d audit entries, want 1", got-before)
	}
}
