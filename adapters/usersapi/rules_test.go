package usersapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/rolepolicy"
)

// TestPasswordRules is the contract's table of who may change (reset) whose password, a row each.
func TestPasswordRules(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "supervisor", "operator")
	s.Register(t, "sudo2", right, "sudo")
	s.Register(t, "admin2", right, "admin")
	tests := map[string]struct{ by, target, current, message string }{
		"the target is unknown": {"the-admin", "nobody", "", "User nobody not found"},
		"sudo, own":             {"the-sudo", "the-sudo", right, "Sudo users cannot {verb} their own password"},
		"sudo, a role that is not admin": {
			"the-sudo", "the-operator", "",
			"Sudo users can only {verb} passwords of admin users",
		},
		"sudo, another sudo": {"the-sudo", "sudo2", "", "Sudo users can only {verb} passwords of admin users"},
		"admin, a more powerful user": {
			"the-admin", "the-sudo", "",
			"Admin users cannot {verb} passwords of users with role level lower than 1",
		},
		"another role, not own": {
			"the-operator", "the-supervisor", right,
			"You can only {verb} your own password",
		},
		"a supervisor is no administrator": {"the-supervisor", "the-operator", "", "You can only {verb} your own password"},
		"own, no current password": {
			"the-operator", "the-operator", "",
			"Current password is required when changing your own password",
		},
		"admin, own, no current password": {
			"the-admin", "the-admin", "",
			"Current password is required when changing your own password",
		},
	}
	for name, test := range tests {
		for path, verb := range map[string]string{"/change_password": "change", "/reset_password": "reset"} {
			t.Run(name+", "+verb, func(t *testing.T) {
				t.Parallel()
				body := form("target_username", test.target, "new_password", another)
				if test.current != "" {
					body += "&" + form("current_password", test.current)
				}
				got := s.call(t, http.MethodPost, path, test.by, body)
				want := strings.ReplaceAll(test.message, "{verb}", verb)
				if got.status != http.StatusBadRequest || got.message() != want {
					t.Errorf("got %d %s, want 400 %s", got.status, got.body, want)
				}
			})
		}
	}
}

func TestPasswordsThatMayBeSet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, by, target, current, message string }{
		"sudo, an administrator's": {
			"/change_password", "the-sudo", "the-admin", "",
			"Password changed successfully",
		},
		"admin, another administrator's": {
			"/change_password", "the-admin", "admin2", "ignored",
			"Password changed successfully",
		},
		"admin, somebody below": {
			"/reset_password", "the-admin", "THE-Operator", "",
			"Password reset successfully",
		},
		"own, with the current one": {
			"/change_password", "the-operator", "the-operator", right,
			"Password changed successfully",
		},
		"own reset, where it is allowed": {
			"/reset_password", "the-operator", "the-operator", "",
			"Password reset successfully",
		},
		"admin, own with the current one": {
			"/change_password/", "the-admin", "the-admin", right,
			"Password changed successfully",
		},
		"a password with spaces and marks": {
			"/change_password", "the-sudo", "the-admin", "",
			"Password changed successfully",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{levels: rolepolicy.Config{AllowOwnReset: true}})
			s.people(t, "sudo", "admin", "operator")
			s.Register(t, "admin2", right, "admin")
			body := form("target_username", test.target, "new_password", another, "current_password", test.current)
			got := s.call(t, http.MethodPost, test.path, test.by, body)
			if got.status != http.StatusOK || got.message() != test.message {
				t.Fatalf("got %d %s, want %s", got.status, got.body, test.message)
			}
			target := strings.ToLower(test.target)
			if got := s.call(t, http.MethodPost, "/login", "",
				form("username", target, "password", another)); got.status != http.StatusOK {
				t.Errorf("signing in with the new one: %d %s", got.status, got.body)
			}
			key, signedIn := s.keys[target]
			if !signedIn {
				return
			}
			// A change by another user ends the sessions; one's own keeps the current one.
			want := http.StatusUnauthorized
			if test.by == target {
				want = http.StatusOK
			}
			if got := s.call(t, http.MethodGet, "/roles", key, ""); got.status != want {
				t.Errorf("the target's session afterwards: %d, want %d", got.status, want)
			}
		})
	}
}

func TestWrongCurrentPasswordsCount(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "operator")
	body := form("target_username", "the-operator", "new_password", another, "current_password", "wrong-Horse-9")
	for range 5 {
		got := s.call(t, http.MethodPost, "/change_password", "the-operator", body)
		if got.status != http.StatusBadRequest || got.message() != "Current password is incorrect" {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	if got := s.call(t, http.MethodPost, "/login", "",
		form("username", "the-operator", "password", right)); got.status != http.StatusLocked {
		t.Errorf("a login after five: %d %s", got.status, got.body)
	}
}

// TestUpdateRoleRules has a row for each answer of update_role.
func TestUpdateRoleRules(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "supervisor", "operator")
	for _, name := range []string{"ada", "bea", "cia", "dia"} {
		s.Register(t, name, right, "user")
	}
	tests := map[string]struct {
		by, target, role string
		status           int
		message          string
	}{
		"an administrator":  {"the-admin", "ada", "operator", 200, "Role updated successfully"},
		"names in capitals": {"the-admin", "BEA", "OPERATOR", 200, "Role updated successfully"},
		"unknown user":      {"the-admin", "nobody", "operator", 400, "User nobody not found"},
		"unknown role":      {"the-admin", "ada", "king", 400, "Role king not found"},
		"somebody more powerful": {
			"the-admin", "the-sudo", "guest", 400,
			"You cannot change roles of users with role level lower than 1",
		},
		"a role more powerful than own": {
			"the-admin", "dia", "sudo", 403,
			"Access denied. You cannot assign a role more powerful than your own",
		},
		"an administrator raising itself": {
			"the-admin", "the-admin", "sudo", 403,
			"Access denied. You cannot assign a role more powerful than your own",
		},
		"a supervisor": {
			"the-supervisor", "dia", "guest", 403,
			"Only admin and sudo users can update user roles",
		},
		"an operator raising itself": {
			"the-operator", "the-operator", "admin", 403,
			"Only admin and sudo users can update user roles",
		},
		"a superuser makes an administrator": {"the-sudo", "cia", "admin", 200, "Role updated successfully"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.call(t, http.MethodPost, "/update_role", test.by,
				form("target_username", test.target, "new_role_name", test.role))
			if got.status != test.status || got.message() != test.message {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, test.status, test.message)
			}
		})
	}
	t.Cleanup(func() { // once the rows are through
		if s.role(t, "the-admin") != "admin" || s.role(t, "the-operator") != "operator" {
			t.Error("somebody raised themselves")
		}
	})
}

// TestALevelAloneIsNoPower: a role that this API makes has a level and no permissions. At an administrator's level it
// is still one of the "other roles".
func TestALevelAloneIsNoPower(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "operator")
	if got := s.call(t, http.MethodPost, "/roles/add", "the-sudo",
		`{"name":"chief","level":1}`); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	s.people(t, "chief")
	for path, test := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"/change_password": {
			form("target_username", "the-operator", "new_password", another), 400,
			"You can only change your own password",
		},
		"/reset_password": {
			form("target_username", "the-operator", "new_password", another), 400,
			"You can only reset your own password",
		},
		"/update_role": {
			form("target_username", "the-operator", "new_role_name", "guest"), 403,
			"Only admin and sudo users can update user roles",
		},
		"/signup": {newcomer("operator"), 403, "Access denied. Required role level: <= 1"},
	} {
		if got := s.call(t, http.MethodPost, path, "the-chief", test.body); got.status != test.status ||
			got.message() != test.message {
			t.Errorf("%s: %d %s, want %d %s", path, got.status, got.body, test.status, test.message)
		}
	}
}

func TestAddRoleRules(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "operator")
	tests := map[string]struct {
		by, body string
		status   int
		part     string
	}{
		"an administrator": {"the-admin", `{"name":"Clerk","level":60}`, 200, `"name":"clerk","level":60`},
		"one that exists": {
			"the-admin", `{"name":"OPERATOR","level":60}`, 400,
			`"message":"Role operator exists"`,
		},
		"a level below the caller's own": {"the-admin", `{"name":"chief","level":0}`, 403, "Access denied"},
		"a superuser at level 0":         {"the-sudo", `{"name":"chief2","level":0}`, 200, `"level":0`},
		"a negative level":               {"the-admin", `{"name":"x","level":-1}`, 400, "level"},
		"a level that is no number":      {"the-admin", `{"name":"x","level":"high"}`, 400, "level"},
		"a broken level":                 {"the-admin", `{"name":"x","level":1.5}`, 400, "level"},
		"a name with a slash":            {"the-admin", `{"name":"a/b","level":60}`, 400, "name: must be"},
		"an operator": {
			"the-operator", `{"name":"x","level":60}`, 403,
			"Access denied. Required role level: <= 1",
		},
		"a level as a form has it": {"the-admin", form("name", "clerk2", "level", "70"), 200, `"level":70`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.call(t, http.MethodPost, "/roles/add", test.by, test.body)
			if got.status != test.status || !strings.Contains(got.body, test.part) {
				t.Errorf("got %d %s, want %d with %s", got.status, got.body, test.status, test.part)
			}
		})
	}
}
