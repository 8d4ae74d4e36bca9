package usersapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

func newcomer(role string) string {
	body := form("username", "new_user", "email", "newuser@example.com", "password", right, "name", "New Age", "lastname",
		"van User")
	if role != "" {
		body += "&" + form("role_name", role)
	}
	return body
}

func TestSignupRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		open     bool // self sign-up is on
		by, role string
		status   int
		want     string // the role, or a part of the refusal
	}{
		"a stranger while it is off":                {false, "", "", 403, "Access denied. Required role level"},
		"a stranger while it is on":                 {true, "", "", 200, "guest"},
		"a stranger who asks for guest":             {true, "", "Guest", 200, "guest"},
		"a stranger who asks for more":              {true, "", "admin", 403, "Access denied. Required role level"},
		"a stranger who asks for what is not there": {true, "", "king", 403, "Access denied. Required role level"},
		"an operator who asks for a role": {
			true, "the-operator", "operator", 403,
			"Access denied. Required role level",
		},
		"an operator while it is off":               {false, "the-operator", "", 403, "Access denied. Required role level"},
		"an administrator":                          {false, "the-admin", "operator", 200, "operator"},
		"an administrator's equal":                  {false, "the-admin", "admin", 200, "admin"},
		"an administrator who asks for a superuser": {false, "the-admin", "sudo", 403, "Access denied. Required role level"},
		"an administrator who asks for what is not": {false, "the-admin", "king", 400, "role: king not exists"},
		"a superuser makes an administrator":        {false, "the-sudo", "admin", 200, "admin"},
		"a wrong token is no stranger":              {true, "nonsense", "", 401, "Invalid token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{levels: rolepolicy.Config{SelfSignup: test.open}})
			s.people(t, "sudo", "admin", "operator")
			got := s.call(t, http.MethodPost, "/signup", test.by, newcomer(test.role))
			if got.status != test.status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if test.status != http.StatusOK {
				if !strings.Contains(got.message(), test.want) {
					t.Errorf("got %s", got.body)
				}
				return
			}
			role, _ := got.object["role"].(map[string]any)
			if role["name"] != test.want || got.object["name"] != "New Age" || got.object["lastname"] != "van User" ||
				s.role(t, "new_user") != domain.RoleID(test.want) {
				t.Errorf("got %s", got.body)
			}
			s.signIn(t, "new_user")
		})
	}
}

func TestSignupRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "admin")
	s.Register(t, "ada", right, "user")
	tests := map[string]struct{ body, want string }{
		"a taken name": {
			form("username", "ADA", "email", "x@example.com", "password", right),
			`"message":"username: ADA already exists"`,
		},
		"a taken address": {
			form("username", "x", "email", "ada@example.com", "password", right),
			`"message":"Email: ada@example.com already exists"`,
		},
		"a weak password": {form("username", "x", "email", "x@example.com", "password", "weak"), "min_length"},
		"an empty password": {
			form("username", "x", "email", "x@example.com", "password", ""),
			"password: must not be empty",
		},
		"a path in other letters":      {form("username", "ｌｏｇｉｎ", "email", "x@example.com", "password", right), "reserved"},
		"a path that programs resolve": {form("username", "..", "email", "x@example.com", "password", right), "reserved"},
		"a path as name":               {form("username", "login", "email", "x@example.com", "password", right), "reserved"},
		"no address":                   {form("username", "x", "email", "x", "password", right), "email"},
		"a number":                     {`{"username":1,"email":"x@example.com","password":"x"}`, "must be a string"},
	}
	for name, test := range tests {
		got := s.call(t, http.MethodPost, "/signup", "the-admin", test.body)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	got := s.call(t, http.MethodPost, "/signup", "the-admin", tests["a taken name"].body)
	if got.object["error_type"] != "validation_error" || got.object["details"] == nil {
		t.Errorf("got %s", got.body)
	}
}
