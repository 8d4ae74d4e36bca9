package usersapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/kit"
)

// TestGrantingRightsHereNeedsARecentProofAsElsewhere has a superuser and an administrator who signed in six minutes
// ago, where the settings ask for a proof of the last five.
func TestGrantingRightsHereNeedsARecentProofAsElsewhere(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "user")
	_, err := s.Settings.Patch(t.Context(), domain.Operator(), settings.Patch{"session_policy.reauthenticate_minutes": 5},
		0)
	must(t, err)
	s.Clock.Forward(6 * time.Minute)
	sensitive := map[string][3]string{
		"a role": {
			"/update_role", "the-admin",
			form("target_username", "the-user", "new_role_name", "auditor"),
		},
		"an administrator":           {"/signup", "the-admin", newcomer("admin")},
		"a role of an administrator": {"/roles/add", "the-admin", form("name", "chief", "level", "1")},
		"a third-party token":        {"/create_tpt", "the-sudo", form("role_name", "guest")},
		"an administrator, by a super": {
			"/update_role", "the-sudo",
			form("target_username", "the-user", "new_role_name", "admin"),
		},
	}
	for name, c := range sensitive {
		got := s.call(t, http.MethodPost, c[0], c[1], c[2])
		if got.status != http.StatusForbidden || got.object["error_type"] != "reauthentication_required" ||
			got.message() == "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for name, c := range map[string][3]string{
		"a role without rights": {
			"/update_role", "the-admin",
			form("target_username", "the-user", "new_role_name", "guest"),
		},
		"a role of no more power": {"/roles/add", "the-admin", form("name", "clerk", "level", "60")},
		"a guest": {
			"/signup", "the-admin",
			form("username", "somebody", "email", "somebody@example.com", "password", another),
		},
	} {
		if got := s.call(t, http.MethodPost, c[0], c[1], c[2]); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for _, who := range []string{"the-admin", "the-sudo"} { // the login's token steps up like any session
		p, err := s.Auth.Authenticate(t.Context(), s.keys[who], kit.Origin)
		must(t, err)
		_, err = s.Auth.StepUp(t.Context(), p, auth.StepUpInput{Password: right})
		must(t, err)
	}
	for name, c := range sensitive {
		if got := s.call(t, http.MethodPost, c[0], c[1], c[2]); got.status != http.StatusOK && name != "a role" {
			t.Errorf("%s after the step-up: %d %s", name, got.status, got.body)
		}
	}
}
