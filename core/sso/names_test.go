package sso_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

func TestAnUnverifiedAddressOfAProviderKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]func(c map[string]any){
		"as the address alone": func(c map[string]any) { c["email_verified"] = false; delete(c, "preferred_username") },
		"as the name too":      func(c map[string]any) { c["email_verified"], c["preferred_username"] = false, address },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			victim := r.victim(t, "admin", true)
			r.claims(claims)
			stranger := r.signIn(t).User
			if stranger.ID == victim || stranger.UsernameKey == address || stranger.EmailKey == address {
				t.Errorf("the provider's person is %q with %q", stranger.Username, stranger.Email)
			}
			signedIn, err := r.Auth.Login(t.Context(), kit.From("192.0.2.9"), auth.LoginInput{Name: address, Password: password})
			if err != nil || signedIn.User.ID != victim {
				t.Errorf("signing in by the address gives %q, %v", signedIn.User.ID, err)
			}
			if _, err := r.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), address); err != nil {
				t.Fatal(err)
			}
			letters := r.Letters(t)
			if len(letters) == 0 || letters[len(letters)-1].To != address {
				t.Errorf("no reset went to the address among %d letters", len(letters))
			}
		})
	}
}

func TestOneSignsInByOnesOwnUnverifiedAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.claims(func(c map[string]any) { c["email_verified"] = false })
	made := r.signIn(t).User
	if made.Email != address || made.EmailVerified || made.Username != "mallory" {
		t.Errorf("the user is %q with %q, verified %v", made.Username, made.Email, made.EmailVerified)
	}
	found, err := r.Ports.Users.FindByLogin(t.Context(), address)
	if err != nil || found.ID != made.ID {
		t.Errorf("the address finds %q, %v", found.ID, err)
	}
}

func TestAResetReachesTheOwnerOfAnAddressThatIsAnothersNameFromBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Register(t, "admin", password, "admin")
	squatter := domain.User{
		ID: "usr_squatter", Username: "admin@example.com", UsernameKey: "admin@example.com", Role: "user", Status: domain.StatusActive, Directory: "corp", Subject: "s",
	}
	if err := r.Store.Restore(t.Context(), domain.ArchiveUsers, []domain.Archived{{Key: "usr_squatter", Value: squatter}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), "admin@example.com"); err != nil {
		t.Fatal(err)
	}
	if letters := r.Letters(t); len(letters) != 1 || letters[0].To != "admin@example.com" {
		t.Errorf("%d letters are queued, want one to the owner", len(letters))
	}
}

func TestTheAuditTrailSaysWhySomebodyIsNotProvisioned(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*oidcdir.Settings)
		claims func(c map[string]any)
		cause  string
	}{
		"no just-in-time creation": {func(s *oidcdir.Settings) { s.JustInTime = false }, nil, "just_in_time"},
		"no name":                  {nil, func(c map[string]any) { c["sub"] = "a@b"; delete(c, "preferred_username"); delete(c, "email") }, "username must be"},
		"a name with a filler":     {nil, func(c map[string]any) { c["preferred_username"] = "admin\u3164" }, "username must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, test.change)
			if test.claims != nil {
				r.claims(test.claims)
			}
			if query := r.back(t, r.answer(t, r.start(t, startInput()))); query.Get("error") != "access_denied" {
				t.Errorf("the client got %v", query)
			}
			entries := r.Logged(t, domain.ActionLoginFailed)
			if len(entries) != 1 || entries[0].Details["reason"] != "not_provisioned" {
				t.Fatalf("the entries are %v", entries)
			}
			cause, _ := entries[0].Details["cause"].(string)
			if !strings.Contains(strings.NewReplacer("[", "", ":", "").Replace(cause), test.cause) {
				t.Errorf("the cause is %q, want %q", cause, test.cause)
			}
		})
	}
}
