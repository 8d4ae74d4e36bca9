package sso_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
)

func (r *rig) userOf(t *testing.T, id domain.UserID) domain.User {
	t.Helper()
	user, err := r.Ports.Users.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func TestClaimsThatProviderNoLongerGivesAreGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.Scopes = []string{"openid", "email", "profile", "phone"} })
	r.claims(func(c map[string]any) { c["phone_number"] = "+420123456789" })
	user := r.userOf(t, r.signIn(t).User.ID)
	if !user.EmailVerified || user.PhoneNumber == "" || user.FullName == "" {
		t.Fatalf("the user has verified %t, %q, %q", user.EmailVerified, user.PhoneNumber, user.FullName)
	}
	r.claims(func(c map[string]any) { c["email_verified"] = false })
	r.signIn(t)
	if user = r.userOf(t, user.ID); user.EmailVerified || user.Email == "" || user.PhoneNumber != "" {
		t.Errorf("the user has %q (verified %t), %q", user.Email, user.EmailVerified, user.PhoneNumber)
	}
	r.claims(func(c map[string]any) { delete(c, "email"); delete(c, "name") })
	r.signIn(t)
	if user = r.userOf(t, user.ID); user.Email != "" || user.EmailVerified || user.FullName != "" {
		t.Errorf("the user has %q, %q", user.Email, user.FullName)
	}
}

func TestClaimOfScopeThatIsNotRequestedStays(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	user := r.signIn(t).User
	_, err := r.Ports.Users.Update(t.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.PhoneNumber = "+420123456789"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.signIn(t)
	if got := r.userOf(t, user.ID); got.PhoneNumber == "" {
		t.Error("the phone number was removed")
	}
}

func TestVerifiedAddressMovesWithinProvider(t *testing.T) {
	t.Parallel()
	for name, verified := range map[string]bool{"verified": true, "unverified": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			first := r.signIn(t).User
			r.claims(func(c map[string]any) {
				c["sub"], c["preferred_username"], c["email_verified"] = "u2", "iris", verified
			})
			second := r.signIn(t).User
			former, next := r.userOf(t, first.ID), r.userOf(t, second.ID)
			if moved := former.Email == "" && next.Email == address; moved != verified {
				t.Errorf("the former holder has %q, the next %q", former.Email, next.Email)
			}
		})
	}
}
