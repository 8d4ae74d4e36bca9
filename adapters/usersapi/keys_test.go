package usersapi_test

import (
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

// apiKey makes an API key of the user and puts it among the keys.
func (s *service) apiKey(t *testing.T, owner, name string, permissions ...string) {
	t.Helper()
	_, by := s.SignIn(t, owner, right, "192.0.2.9")
	made, err := s.Keys.Create(t.Context(), by, by.UserID, apikey.CreateInput{Name: name, Permissions: permissions})
	must(t, err)
	s.keys[name] = made.Text
}

// TestAnAPIKeyReadsAndChangesByItsPermissions has keys of an administrator and of an ordinary user that are narrower
// than their owners, whose levels would do for everything.
func TestAnAPIKeyReadsAndChangesByItsPermissions(t *testing.T) {
	t.Parallel()
	s := start(t, options{levels: rolepolicy.Config{AllowOwnReset: true}})
	s.people(t, "admin", "user", "guest")
	s.apiKey(t, "the-user", "bots", "bots.use")
	s.apiKey(t, "the-admin", "narrow", "bots.manage")
	s.apiKey(t, "the-admin", "reader", "users.read")
	s.apiKey(t, "the-admin", "manager", "users.manage")
	password := func(target string) string {
		return form("target_username", target, "new_password", another, "current_password", right)
	}
	for _, row := range []struct {
		by, method, path, body string
		want                   int
	}{
		{"bots", http.MethodGet, "/", "", 403},
		{"bots", http.MethodGet, "/?page=1", "", 403},
		{"bots", http.MethodGet, "/the-admin", "", 403},
		{"bots", http.MethodGet, "/absent", "", 403},
		{"bots", http.MethodGet, "/the-user", "", 200},
		{"narrow", http.MethodGet, "/", "", 403},
		{"narrow", http.MethodGet, "/the-user", "", 403},
		{"narrow", http.MethodGet, "/the-admin", "", 200},
		{"reader", http.MethodGet, "/", "", 200},
		{"reader", http.MethodGet, "/the-user", "", 200},
		{"reader", http.MethodPost, "/update_role", form("target_username", "the-user", "new_role_name", "operator"), 403},
		{"reader", http.MethodPost, "/signup", newcomer("user"), 403},
		{"reader", http.MethodPost, "/roles/add", form("name", "made", "level", "60"), 403},
		{"manager", http.MethodPost, "/update_role", form("target_username", "the-guest", "new_role_name", "operator"), 200},
		{"manager", http.MethodPost, "/update_role", form("target_username", "the-admin", "new_role_name", "guest"), 403},
		{"manager", http.MethodPost, "/create_tpt", form("role_name", "guest"), 403},
		{"bots", http.MethodPost, "/change_password", password("the-user"), 403},
		{"bots", http.MethodPost, "/reset_password", password("the-user"), 403},
		{"narrow", http.MethodPost, "/change_password", password("the-admin"), 403},
		{"narrow", http.MethodPost, "/reset_password", password("the-user"), 400},
		{"manager", http.MethodPost, "/change_password", password("the-admin"), 403},
		{"manager", http.MethodPost, "/reset_password", password("the-admin"), 403},
		{"manager", http.MethodPost, "/reset_password", password("the-guest"), 200},
	} {
		if got := s.call(t, row.method, row.path, row.by, row.body); got.status != row.want {
			t.Errorf("%s: %s %s: %d %s, want %d", row.by, row.method, row.path, got.status, got.body, row.want)
		}
	}
	for _, name := range []string{"the-admin", "the-user"} {
		s.signIn(t, name) // with the password that they have had
	}
	if got := s.role(t, "the-admin"); got != domain.RoleAdmin {
		t.Errorf("the administrator is %s", got)
	}
}

// TestCredentialsWithoutASessionCannotLogOut sends what is no login token, and then uses it.
func TestCredentialsWithoutASessionCannotLogOut(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "user")
	s.issue(t, "user")
	s.apiKey(t, "the-user", "key", "bots.use")
	for _, name := range []string{"tpt-user", "key"} {
		got := s.call(t, http.MethodPost, "/logout", name, "")
		if got.status != http.StatusForbidden || got.body != `{"message":"Insufficient permissions"}` {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got := s.call(t, http.MethodGet, "/roles", name, ""); got.status != http.StatusOK {
			t.Errorf("%s afterwards: %d %s", name, got.status, got.body)
		}
	}
}
