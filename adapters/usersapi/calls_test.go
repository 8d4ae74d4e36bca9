package usersapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/test/kit"
)

func TestLoginAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.Register(t, "john_doe", right, "admin")
	for name, body := range map[string]string{
		"a form":              form("username", "john_doe", "password", right),
		"JSON":                `{"username":"john_doe","password":"` + right + `","remember":true}`,
		"an e-mail":           form("email", "john_doe@example.com", "password", right),
		"an e-mail as a name": form("username", "John_Doe@example.com", "password", right),
	} {
		got := s.call(t, http.MethodPost, "/login", "", body)
		if got.status != http.StatusOK || got.object["role"] != "admin" || got.object["role_level"] != float64(1) ||
			got.object["datetime"] != "03/02/2026, 07:00:00" || got.object["timezone"] != "America/Lima" ||
			got.object["apiKey"] == "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.Register(t, "ada", right, "user")
	want := `{"details":"The provided username/email or password is incorrect.","error_type":"authentication_error","message":"Invalid credentials"}`
	for name, body := range map[string]string{
		"a wrong password": form("username", "ada", "password", "wrong-Horse-9"),
		"an unknown user":  form("username", "nobody", "password", right),
		"no name at all":   form("password", right),
	} {
		got := s.call(t, http.MethodPost, "/login", "", body)
		if got.status != http.StatusForbidden || got.body != want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := s.call(t, http.MethodPost, "/login?username=ada&password="+right, "",
		""); got.status != http.StatusBadRequest {
		t.Errorf("a password in the query string signed in: %d %s", got.status, got.body)
	}
	for range 4 {
		s.call(t, http.MethodPost, "/login", "", form("username", "ada", "password", "wrong-Horse-9"))
	}
	got := s.call(t, http.MethodPost, "/login", "", form("username", "ada", "password", right))
	if got.status != http.StatusLocked || got.message() != "Invalid credentials" ||
		got.object["locked_until"] != "2026-03-02T12:30:00Z" || got.header.Get("Retry-After") == "" {
		t.Errorf("locked: %d %s", got.status, got.body)
	}
}

func TestImpossibleCredentialsAreInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, options{kit: kit.Options{LoginRate: domain.Rate{Limit: 12, Window: time.Minute}}})
	s.people(t, "operator")
	for _, body := range []string{
		form("username", "", "password", right), form("username", "the-operator", "password", ""), form("password", ""),
		form("email", "", "password", right), `{"username":"","password":"x"}`, `{"username":"the-operator","password":""}`,
		form("username", strings.Repeat("x", 321), "password", right),
		form("username", "the-operator", "password", strings.Repeat("x", 1025)),
		form("username", "the-operator", "password", right, "two_factor_code", strings.Repeat("1", 65)),
	} {
		if got := s.call(t, http.MethodPost, "/credentials_are_valid", "the-operator", body); got.status != http.StatusOK ||
			got.body != "false" {
			t.Errorf("%s: %d %s, want 200 false", body, got.status, got.body)
		}
	}
	if got := len(s.Logged(t, domain.ActionLoginFailed)); got != 9 {
		t.Errorf("%d entries of nine attempts", got)
	}
	valid := form("username", "the-operator", "password", right)
	if got := s.call(t, http.MethodPost, "/credentials_are_valid", "the-operator", valid); got.body != "true" {
		t.Errorf("empty passwords count against the account: %d %s", got.status, got.body)
	}
	s.call(t, http.MethodPost, "/credentials_are_valid", "the-operator", valid)
	if got := s.call(t, http.MethodPost, "/credentials_are_valid", "the-operator",
		form("password", "")); got.status != http.StatusTooManyRequests {
		t.Errorf("empty credentials beyond the limit: %d %s", got.status, got.body)
	}
}

func TestLoginWithImpossibleCredentialsCounts(t *testing.T) {
	t.Parallel()
	s := start(t, options{kit: kit.Options{LoginRate: domain.Rate{Limit: 4, Window: time.Minute}}})
	s.Register(t, "ada", right, "user")
	for _, body := range []string{
		form("username", "ada", "password", ""), form("username", "", "password", right),
		form("username", strings.Repeat("x", 321), "password", right),
		form("username", "ada", "password", strings.Repeat("x", 1025)),
	} {
		if got := s.call(t, http.MethodPost, "/login", "", body); got.status != http.StatusForbidden ||
			got.message() != "Invalid credentials" {
			t.Errorf("%.80s: %d %s", body, got.status, got.body)
		}
	}
	if got := len(s.Logged(t, domain.ActionLoginFailed)); got != 4 {
		t.Errorf("%d entries of four attempts", got)
	}
	if got := s.call(t, http.MethodPost, "/login", "",
		form("username", "ada", "password", "")); got.status != http.StatusTooManyRequests {
		t.Errorf("beyond the limit: %d %s", got.status, got.body)
	}
}

func TestUnknownFormFieldsAreIgnoredHoweverTheyLook(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.Register(t, "ada", right, "user")
	known := form("username", "ada", "password", right)
	for _, unknown := range []string{
		"extra=1", "extra=1&extra=2", "extra[]=1&extra[]=2", "extra[a][b]=1", "a;b=1", "extra=a;b", "extra=%zz", "%zz=1",
		"%=", "extra=%ff",
		"%ff=1", "extra=%00", "extra=one%0Atwo", "=", "=1", "&&", "extra", "extra=a=b", "%E2%80%AEextra=1", "Username=nobody",
	} {
		if got := s.call(t, http.MethodPost, "/login", "", known+"&"+unknown); got.status != http.StatusOK {
			t.Errorf("with %q: %d %s", unknown, got.status, got.body)
		}
		if got := s.call(t, http.MethodPost, "/login", "", unknown+"&"+known); got.status != http.StatusOK {
			t.Errorf("after %q: %d %s", unknown, got.status, got.body)
		}
	}
	s.people(t, "sudo")
	for field, body := range map[string]string{
		"name: is given twice":                            "name=a&name=b&level=3",
		"name: is not valid percent-encoding":             "name=%zz&level=3",
		"name: contains characters that are not allowed":  "name=%ff&level=3",
		"level: is given twice":                           "name=a&level=3&level=4",
		"level: contains characters that are not allowed": "name=a&level=3%00",
	} {
		got := s.call(t, http.MethodPost, "/roles/add", "the-sudo", body)
		if got.status != http.StatusBadRequest || !strings.Contains(got.message(), field) {
			t.Errorf("%s: %d %s, want a 400 with %q", body, got.status, got.body, field)
		}
	}
}

func TestUnknownMembersAreIgnoredHoweverTheyLook(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.Register(t, "ada", right, "user")
	known := `"username":"ada","password":"` + right + `"`
	for _, unknown := range []string{
		`"extra":1,"extra":2`, `"extra":"\u0000"`, `"\u0000":1`, `"extra":"\ud800"`, `"\ud800":1`, `"extra":1e999`,
		`"extra":null`, `"":1`,
		"\"extra\":\"\xff\"", "\"\xff\":1", `"Username":"nobody"`, `"extra":{"a":1,"a":[null,{"b":"\u0000"}]}`,
		`"extra":` + strings.Repeat("[", 100) + strings.Repeat("]", 100), `"extra":[1` + strings.Repeat(",1", 2000) + `]`,
	} {
		for _, body := range []string{"{" + known + "," + unknown + "}", "{" + unknown + "," + known + "}"} {
			if got := s.call(t, http.MethodPost, "/login", "", body); got.status != http.StatusOK {
				t.Errorf("%.200q: %d %s", body, got.status, got.body)
			}
		}
	}
	s.people(t, "sudo")
	for body, reason := range map[string]string{
		`{"name":"a","name":"b","level":3}`: "name: is given twice",
		`{"name":"a\u0000","level":3}`:      "name: must not contain NUL",
		"{\"name\":\"\xff\",\"level\":3}":   "name: is not valid UTF-8",
		`{"name":["a"],"level":3}`:          "name: must be a string",
		`{"name":"a","level":1e999}`:        "level: has the wrong type",
		`{"name":"a","level":3} {}`:         "body: is not valid JSON",
		`{"name":"a","level":3`:             "is not valid JSON",
	} {
		got := s.call(t, http.MethodPost, "/roles/add", "the-sudo", body)
		if got.status != http.StatusBadRequest || !strings.Contains(got.message(), reason) {
			t.Errorf("%s: %d %s, want a 400 with %q", body, got.status, got.body, reason)
		}
	}
}

func TestLoginLimitIsTheSecurityAPIs(t *testing.T) {
	t.Parallel()
	s := start(t, options{kit: kit.Options{LoginRate: domain.Rate{Limit: 2, Window: time.Minute}}})
	s.Register(t, "ada", right, "user")
	for range 2 {
		s.call(t, http.MethodPost, "/login", "", form("username", "ada", "password", right))
	}
	got := s.call(t, http.MethodPost, "/login", "", form("username", "ada", "password", right))
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "60" ||
		got.header.Get("RateLimit-Limit") != "2" {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
}

func TestExpiredPasswordsSignInWithAWord(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.Register(t, "ada", right, "user")
	s.Clock.Forward(91 * 24 * time.Hour)
	got := s.call(t, http.MethodPost, "/login", "", form("username", "ada", "password", right))
	if got.status != http.StatusForbidden || got.body != `{"error_type":"password_expired","message":"Password expired"}` {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestTokensInEveryHeader(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "user")
	key := s.keys["the-user"]
	tests := map[string]struct {
		header  http.Header
		status  int
		message string
	}{
		"X-API-KEY":             {http.Header{"X-Api-Key": {key}}, 200, ""},
		"Authorization: Token":  {http.Header{"Authorization": {"Token " + key}}, 200, ""},
		"Authorization: Bearer": {http.Header{"Authorization": {"Bearer " + key}}, 200, ""},
		"the bare value":        {http.Header{"Authorization": {key}}, 200, ""},
		"X-API-KEY wins":        {http.Header{"X-Api-Key": {key}, "Authorization": {"Bearer nonsense"}}, 200, ""},
		"a wrong X-API-KEY wins as well": {
			http.Header{"X-Api-Key": {"nonsense"}, "Authorization": {"Bearer " + key}},
			401,
			"Invalid token",
		},
		"none":                     {http.Header{}, 401, "Key is missing."},
		"a changed one":            {http.Header{"X-Api-Key": {key + "x"}}, 401, "Invalid token"},
		"one with a line end":      {http.Header{"X-Api-Key": {"a b"}}, 401, "Invalid token"},
		"a scheme of another kind": {http.Header{"Authorization": {"Basic " + key}}, 401, "Invalid token"},
	}
	for name, test := range tests {
		got := s.send(t, http.MethodGet, "/roles", test.header, "")
		if got.status != test.status || got.message() != test.message {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := s.send(t, http.MethodGet, "/roles?api_key="+key, http.Header{}, ""); got.status != http.StatusUnauthorized {
		t.Errorf("a key in the query string: %d", got.status)
	}
}

func TestLogoutEndsTheKey(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "user")
	got := s.call(t, http.MethodPost, "/logout", "the-user", "")
	if got.status != http.StatusOK || got.body != `{"message":"Logout successfull"}` { //nolint:misspell // the original's spelling
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.call(t, http.MethodPost, "/logout", "the-user", ""); got.status != http.StatusUnauthorized ||
		got.message() != "Invalid token" {
		t.Errorf("again: %d %s", got.status, got.body)
	}
}

// TestMissingFields has every missing field of every body, with the original's help texts.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo")
	const tail = " Missing required parameter in the JSON body or the post body or the query string"
	tests := map[string]map[string]string{
		"/login":           {"password": "User password"},
		"/signup":          {"username": "Username", "email": "Email address", "password": "Password"},
		"/change_password": {"target_username": "Username whose password will be changed", "new_password": "New password"},
		"/reset_password":  {"target_username": "Username whose password will be reset", "new_password": "New password"},
		"/update_role": {
			"target_username": "Username whose role will be updated",
			"new_role_name":   "New role name to assign",
		},
		"/create_tpt": {"role_name": "Role name to embed in the JWT token"},
		"/roles/add":  {"name": "Role name", "level": "Role level, 0 maximum level"},
	}
	for path, help := range tests {
		for _, body := range []string{"", "{}", "unknown=1"} {
			got := s.call(t, http.MethodPost, path, "the-sudo", body)
			errs, _ := got.object["errors"].(map[string]any)
			if got.status != http.StatusBadRequest || got.message() != "Input payload validation failed" ||
				len(errs) != len(help) {
				t.Errorf("%s %q: %d %s", path, body, got.status, got.body)
			}
			for field, text := range help {
				if errs[field] != text+tail {
					t.Errorf("%s: %s: %v", path, field, errs[field])
				}
			}
		}
	}
	for path := range tests {
		if path == "/login" || path == "/signup" {
			continue
		}
		if got := s.call(t, http.MethodPost, path, "", "{}"); got.status != http.StatusUnauthorized {
			t.Errorf("%s looks at the body before who asks: %d", path, got.status)
		}
	}
}

func TestListAndPages(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "guest")
	for i := range 120 {
		s.User(t, fmt.Sprintf("user-%03d", i), domain.RoleUser)
	}
	got := s.call(t, http.MethodGet, "/", "the-guest", "")
	var all []map[string]any
	if err := json.Unmarshal([]byte(got.body), &all); err != nil || len(all) != 122 {
		t.Fatalf("%d users, %v", len(all), err)
	}
	if slices.ContainsFunc(all, func(u map[string]any) bool { return u["username"] == "the-sudo" }) {
		t.Error("a superuser is listed")
	}
	for query, want := range map[string]string{
		"?page=2&limit=100":            `"pagination":{"page":2,"limit":100,"total_records":122,"total_pages":2}`,
		"?limit=5000":                  `"pagination":{"page":1,"limit":1000,"total_records":122,"total_pages":1}`,
		"?limit=99999999999999999999":  `"pagination":{"page":1,"limit":1000,"total_records":122,"total_pages":1}`,
		"?page=99999999999999999999":   `"data":[]`,
		"?limit=-99999999999999999999": `{"message":"Limit must be greater than 0"}`,
		"?page=1":                      `"pagination":{"page":1,"limit":20,"total_records":122,"total_pages":7}`,
		"?page=0":                      `{"message":"Page number must be greater than 0"}`,
		"?page=-1&limit=5":             `{"message":"Page number must be greater than 0"}`,
		"?page=1&limit=0":              `{"message":"Limit must be greater than 0"}`,
		"?page=x":                      `{"message":"Page number must be greater than 0"}`,
		"?page=99&limit=100":           `"data":[]`,
	} {
		if got := s.call(t, http.MethodGet, query, "the-admin", ""); !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %.200s", query, got.status, got.body)
		}
	}
}

func TestListIsNarrowedByConfiguration(t *testing.T) {
	t.Parallel()
	most := 10
	s := start(t, options{levels: rolepolicy.Config{ListMaxLevel: &most}})
	s.people(t, "operator", "user")
	if got := s.call(t, http.MethodGet, "", "the-operator", ""); got.status != http.StatusOK {
		t.Errorf("level 10: %d", got.status)
	}
	for _, path := range []string{"", "/the-operator", "/nobody", "?page=1"} {
		if got := s.call(t, http.MethodGet, path, "the-user", ""); got.status != http.StatusForbidden {
			t.Errorf("level 50, %q: %d", path, got.status)
		}
	}
	if got := s.call(t, http.MethodGet, "/the-user", "the-user", ""); got.status != http.StatusOK {
		t.Errorf("oneself: %d", got.status)
	}
}

func TestListIsForSuperusersAloneAtLevelZero(t *testing.T) {
	t.Parallel()
	most := 0
	s := start(t, options{levels: rolepolicy.Config{ListMaxLevel: &most}})
	s.people(t, "sudo", "admin")
	for who, want := range map[string]int{"the-sudo": http.StatusOK, "the-admin": http.StatusForbidden} {
		if got := s.call(t, http.MethodGet, "/", who, ""); got.status != want {
			t.Errorf("%s: %d, want %d", who, got.status, want)
		}
	}
}

func TestOneUser(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "user")
	got := s.call(t, http.MethodGet, "/The-Admin/", "the-user", "")
	role, _ := got.object["role"].(map[string]any)
	identifier, _ := got.object["identifier"].(string)
	if got.status != http.StatusOK || role["name"] != "admin" || role["level"] != float64(1) ||
		got.object["name"] != nil || len(identifier) != 8 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for who, status := range map[string]int{"the-admin": 200, "the-user": 400} {
		if got := s.call(t, http.MethodGet, "/the-sudo", who, ""); got.status != status {
			t.Errorf("%s reads a superuser: %d %s", who, got.status, got.body)
		}
	}
	for path, name := range map[string]string{
		"/a%2Fb": "a/b", "/a%5Cb%3F%23%25%3B": `a\b?#%;`, "/" +
			strings.Repeat("%E4%B8%80", 256): strings.Repeat("\u4e00", 256),
	} {
		if got := s.call(t, http.MethodGet, path, "the-user", ""); got.status != http.StatusBadRequest ||
			got.message() != name+" is not a valid username" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := s.call(t, http.MethodGet, "/nobody", "the-user", ""); got.status != http.StatusBadRequest ||
		got.message() != "nobody is not a valid username" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
