package config_test

import (
	"strings"
	"testing"
)

func TestKnownDefaultSecretIsRefusedOnlyIfTheUsersAPIIsEnabled(t *testing.T) {
	t.Parallel()
	const known = "073821603fcc483f9afee3f1500782a4"
	if _, err := load("users_api: {tpt_secret: " + known + "}"); err == nil ||
		!strings.Contains(err.Error(), "users_api.tpt_secret") {
		t.Errorf("the API is on: got %v, want a mistake of users_api.tpt_secret", err)
	}
	got, err := load("users_api: {enabled: false, tpt_secret: " + known + "}")
	if err != nil {
		t.Fatalf("the API is off: %v", err)
	}
	if secret := got.UsersAPI.SigningSecret(); secret != "" {
		t.Errorf("tokens are signed with %q, want no signing secret", secret)
	}
	other := strings.Repeat("x", 32)
	if got, err = load("users_api: {tpt_secret: " + other + "}"); err != nil || got.UsersAPI.SigningSecret() != other {
		t.Errorf("SigningSecret() = %q (%v), want the configured secret", got.UsersAPI.SigningSecret(), err)
	}
}
