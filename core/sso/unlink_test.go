package sso_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestUnlinkedUserLogsInLocallyOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	before := r.signIn(t)
	unlinked, err := r.Account.Unlink(t.Context(), domain.Operator(), before.User.ID, "corp")
	if err != nil || unlinked.Directory != "local" || unlinked.Subject != "" || unlinked.Password != nil {
		t.Fatalf("unlinked user: directory %q, error %v", unlinked.Directory, err)
	}
	if r.isLive(t, before) {
		t.Error("the session is still live")
	}
	token, _, err := r.Account.ResetLink(t.Context(), domain.Operator(), before.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	const password = "Unlinked-9-by-choice!"
	if err := r.Account.Reset(t.Context(), kit.From("192.0.2.1"), token, password); err != nil {
		t.Fatal(err)
	}
	here, err := r.Auth.Login(t.Context(), kit.From("192.0.2.1"),
		auth.LoginInput{Name: before.User.Username, Password: password})
	if err != nil || here.User.ID != before.User.ID {
		t.Errorf("local login: user %s, error %v", here.User.ID, err)
	}
	if there := r.signIn(t); there.User.ID == before.User.ID {
		t.Error("the provider login still gives access to the account")
	}
}

func TestUnlinkRequiresAdministratorAndProviderUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	local := r.Register(t, "local", "Str0ng-enough-word!", "user")
	if _, err := r.Account.Unlink(t.Context(), domain.Operator(), local.ID,
		"local"); fault.Of(err).Kind != fault.Conflict {
		t.Errorf("user of the built-in directory: %v", err)
	}
	if _, err := r.Account.Unlink(t.Context(), r.As(t, signedIn.User), signedIn.User.ID,
		"corp"); fault.Of(err).Kind != fault.Forbidden {
		t.Errorf("own account: %v", err)
	}
	_, err := r.Store.Users().Update(t.Context(), signedIn.User.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Directory = "taken-out"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Account.Unlink(t.Context(), domain.Operator(), signedIn.User.ID, "taken-out"); err != nil ||
		got.Directory != "local" {
		t.Errorf("user of a directory that is no longer configured: %q, %v", got.Directory, err)
	}
}
