package sso_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

func TestUnverifiedProviderEmailBlocksNoOtherUser(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]func(c map[string]any){
		"as email only":   func(c map[string]any) { c["email_verified"] = false; delete(c, "preferred_username") },
		"as username too": func(c map[string]any) { c["email_verified"], c["preferred_username"] = false, address },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			victim := r.victim(t, "admin", true)
			r.claims(claims)
			newUser := r.signIn(t).User
			if newUser.ID == victim || newUser.UsernameKey == address || newUser.EmailKey == address {
				t.Errorf("the provider's user has username %q and email %q", newUser.Username, newUser.Email)
			}
			signedIn, err := r.Auth.Login(t.Context(), kit.From("192.0.2.9"), auth.LoginInput{Name: address, Password: password})
			if err != nil || signedIn.User.ID != victim {
				t.Errorf("login with the email: user %q, error %v", signedIn.User.ID, err)
			}
			if _, err := r.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), address); err != nil {
				t.Fatal(err)
			}
			messages := r.SentEmails(t)
			if len(messages) == 0 || messages[len(messages)-1].To != address {
				t.Errorf("no reset email to the address among %d messages", len(messages))
			}
		})
	}
}

func TestLoginWithOwnUnverifiedEmail(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.claims(func(c map[string]any) { c["email_verified"] = false })
	made := r.signIn(t).User
	if made.Email != address || made.EmailVerified || made.Username != "mallory" {
		t.Errorf("user %q with email %q, verified %v", made.Username, made.Email, made.EmailVerified)
	}
	found, err := r.Ports.Users.FindByLogin(t.Context(), address)
	if err != nil || found.ID != made.ID {
		t.Errorf("the email finds user %q, %v", found.ID, err)
	}
}

func TestResetReachesOwnerOfEmailThatEqualsAnotherUsername(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Register(t, "admin", password, "admin")
	squatter := domain.User{
		ID: "usr_squatter", Username: "admin@example.com", UsernameKey: "admin@example.com", Role: "user",
		Status: domain.StatusActive, Directory: "corp", Subject: "s",
	}
	if err := r.Store.Restore(t.Context(), domain.ArchiveUsers,
		[]domain.Archived{{Key: "usr_squatter", Value: squatter}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), "admin@example.com"); err != nil {
		t.Fatal(err)
	}
	if messages := r.SentEmails(t); len(messages) != 1 || messages[0].To != "admin@example.com" {
		t.Errorf("%d messages are queued, want one to the owner", len(messages))
	}
}

func TestAuditLogHasCauseOfRefusedProvisioning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*oidcdir.Settings)
		claims func(c map[string]any)
		cause  string
	}{
		"no just-in-time creation": {func(s *oidcdir.Settings) { s.JustInTime = false }, nil, "just_in_time"},
		"no name": {nil, func(c map[string]any) {
			c["sub"] = "a@b"
			delete(c,
				"preferred_username")
			delete(c, "email")
		}, "username must be"},
		"a name with a filler": {nil, func(c map[string]any) { c["preferred_username"] = "admin\u3164" }, "username must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, test.change)
			if test.claims != nil {
				r.claims(test.claims)
			}
			if returned := r.back(t, r.answer(t, r.start(t, startInput()))); returned.Err == nil {
				t.Errorf("the client got %+v", returned)
			}
			entries := r.Logged(t, domain.ActionLoginFailed)
			if len(entries) != 1 || entries[0].Details["reason"] != "not_provisioned" {
				t.Fatalf("audit entries %v", entries)
			}
			cause, _ := entries[0].Details["cause"].(string)
			if !strings.Contains(strings.NewReplacer("[", "", ":", "").Replace(cause), test.cause) {
				t.Errorf("the cause is %q, want %q", cause, test.cause)
			}
		})
	}
}
