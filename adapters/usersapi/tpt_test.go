package usersapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// issue makes a third-party token for the role and puts it among the keys.
func (s *service) issue(t *testing.T, role string) (jti string) {
	t.Helper()
	got := s.call(t, http.MethodPost, "/create_tpt", "the-sudo", form("role_name", role))
	token, _ := got.object["token"].(string)
	if got.status != http.StatusOK || opaquetoken.KindOf(token) != opaquetoken.ThirdParty || got.object["role"] != role ||
		got.object["created_on"] != "2026-03-02 12:00:00" || got.message() != "Third Party Token created successfully" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	s.keys["tpt-"+role] = token
	list := s.call(t, http.MethodGet, "/tpt", "the-sudo", "")
	if list.status != http.StatusOK {
		t.Fatal(list.body)
	}
	tokens, err := s.Store.Tokens().List(t.Context())
	must(t, err)
	return tokens[len(tokens)-1].ID
}

func TestThirdPartyTokensAreReadOnly(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin", "user")
	s.issue(t, "admin")
	for _, path := range []string{"/", "/roles/", "/the-user", "?page=1"} {
		if got := s.call(t, http.MethodGet, path, "tpt-admin", ""); got.status != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, got.status, got.body)
		}
	}
	password := form("target_username", "the-user", "new_password", another)
	for path, test := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"/change_password": {password, 401, "Invalid token or user not found"},
		"/reset_password":  {password, 401, "Invalid token or user not found"},
		"/update_role": {
			form("target_username", "the-user", "new_role_name", "admin"), 403,
			"Only admin and sudo users can update user roles",
		},
		"/roles/add":  {form("name", "x", "level", "60"), 403, "Access denied. Required role level: <= 1"},
		"/signup":     {newcomer("operator"), 403, "Access denied. Required role level: <= 1"},
		"/create_tpt": {form("role_name", "guest"), 403, "Access denied. Required roles: ['sudo']"},
	} {
		got := s.call(t, http.MethodPost, path, "tpt-admin", test.body)
		if got.status != test.status || got.message() != test.message {
			t.Errorf("POST %s: %d %s", path, got.status, got.body)
		}
	}
}

func TestTPTsAreSuperusersAlone(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "sudo", "admin")
	if got := s.call(t, http.MethodPost, "/create_tpt", "the-sudo", form("role_name", "king")); got.status != 400 ||
		got.message() != "Role king not found" {
		t.Errorf("%d %s", got.status, got.body)
	}
	jti := s.issue(t, "operator")
	for method, path := range map[string]string{
		http.MethodPost: "/create_tpt", http.MethodGet: "/tpt",
		http.MethodDelete: "/tpt/" + jti,
	} {
		body := ""
		if method == http.MethodPost {
			body = form("role_name", "operator")
		}
		got := s.call(t, method, path, "the-admin", body)
		if got.status != http.StatusForbidden || got.message() != "Access denied. Required roles: ['sudo']" {
			t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
		}
	}
	first := s.call(t, http.MethodDelete, "/tpt/"+jti, "the-sudo", "")
	if again := s.call(t, http.MethodDelete, "/tpt/"+jti, "the-sudo", ""); first.status != 200 ||
		again.body != first.body {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	if got := s.call(t, http.MethodGet, "/roles", "tpt-operator", ""); got.status != http.StatusUnauthorized ||
		got.message() != "Invalid token" {
		t.Errorf("revoked: %d %s", got.status, got.body)
	}
	if got := s.call(t, http.MethodDelete, "/tpt/nothing", "the-sudo", ""); got.status != http.StatusNotFound {
		t.Errorf("no such token: %d %s", got.status, got.body)
	}
}

// TestBothAPIsShareOneCore has a user made here end in the other API, and the other way round.
func TestBothAPIsShareOneCore(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "admin")
	if got := s.call(t, http.MethodPost, "/signup", "the-admin", newcomer("user")); got.status != http.StatusOK {
		t.Fatal(got.body)
	}
	signedIn, there := s.SignIn(t, "new_user", right, "192.0.2.1")
	if signedIn.User.FullName != "New Age van User" {
		t.Errorf("the full name is %q", signedIn.User.FullName)
	}
	s.signIn(t, "new_user")
	list, err := s.Auth.List(t.Context(), there, there.UserID, domain.Page{})
	if err != nil || len(list.Sessions) != 2 {
		t.Fatalf("%d sessions, %v", len(list.Sessions), err)
	}
	if _, err := s.Auth.RevokeAll(t.Context(), there, there.UserID, true); err != nil {
		t.Fatal(err)
	}
	if got := s.call(t, http.MethodGet, "/roles", "new_user", ""); got.status != http.StatusUnauthorized {
		t.Errorf("a session that was ended there: %d", got.status)
	}
	for action, want := range map[domain.Action]int{
		domain.ActionUserCreate: 2, domain.ActionLogin: 3,
		domain.ActionSessionRevoke: 1,
	} {
		if got := len(s.Logged(t, action)); got != want {
			t.Errorf("%d entries of %s, want %d", got, action, want)
		}
	}
}

func TestConfiguredOriginsMayCall(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "user")
	ask := func(origin string) reply {
		t.Helper()
		return s.send(t, http.MethodOptions, "/login", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"POST"},
			"Access-Control-Request-Headers": {"x-api-key,content-type"},
		}, "")
	}
	got := ask("https://app.example.com")
	if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		got.header.Get("Access-Control-Allow-Credentials") != "" ||
		got.header.Get("Access-Control-Allow-Methods") != "POST" ||
		got.header.Get("Access-Control-Allow-Headers") != "X-API-KEY, Authorization, X-Request-ID, Content-Type" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for _, origin := range []string{"https://evil.example.com", "null", "https://app.example.com.evil.example"} {
		if got := ask(origin); got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may call: %v", origin, got.header)
		}
	}
	refusal := s.send(t, http.MethodGet, "/roles", http.Header{"Origin": {"https://app.example.com"}}, "")
	if refusal.status != http.StatusUnauthorized || refusal.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a refusal that the page cannot read: %d %v", refusal.status, refusal.header)
	}
}

// TestAllowNamesTheMethodsOfACallAndNotThoseOfAUser: a path that a call has is no user's.
func TestAllowNamesTheMethodsOfACallAndNotThoseOfAUser(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for path, want := range map[string]string{
		"": "GET, HEAD", "/roles": "GET, HEAD", "/tpt": "GET, HEAD", "/tpt/x": "DELETE", "/somebody": "GET, HEAD",
		"/roles/add": "POST",
		"/login":     "POST", "/logout": "POST", "/signup": "POST", "/change_password": "POST", "/reset_password": "POST",
		"/update_role": "POST",
		"/create_tpt":  "POST", "/credentials_are_valid": "POST",
	} {
		for _, path := range []string{path, path + "/"} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
				got := s.send(t, method, path, http.Header{}, "")
				named := strings.Contains(", "+want+",", ", "+method+",")
				if (got.status == http.StatusMethodNotAllowed) == named || !named && got.header.Get("Allow") != want {
					t.Errorf("%s %s: %d, Allow %q, want %q", method, path, got.status, got.header.Get("Allow"), want)
				}
			}
		}
	}
}

func TestErrorFormatsOfUnservedRequests(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.people(t, "user")
	got := s.call(t, http.MethodPut, "/login", "the-user", "")
	if got.status != http.StatusMethodNotAllowed ||
		got.body != `{"message":"The method is not allowed for the requested URL."}` || got.header.Get("Allow") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/login", "/signup/", "/change_password", "/roles/add"} {
		got := s.send(t, http.MethodGet, path, http.Header{}, "") // no user is called so: it is that call with a wrong method
		if got.status != http.StatusMethodNotAllowed ||
			got.body != `{"message":"The method is not allowed for the requested URL."}` || got.header.Get("Allow") != "POST" {
			t.Errorf("GET %s: %d %s, Allow %q", path, got.status, got.body, got.header.Get("Allow"))
		}
	}
	got = s.send(t, http.MethodPost, "/login", http.Header{"Content-Type": {"text/plain"}}, "x")
	if got.status != http.StatusUnsupportedMediaType ||
		got.message() != "The body must be sent as application/json or application/x-www-form-urlencoded" {
		t.Errorf("another kind of body: %d %s", got.status, got.body)
	}
	must(t, s.Store.Close(t.Context()))
	got = s.call(t, http.MethodPost, "/login", "", form("username", "the-user", "password", right))
	if got.status != http.StatusServiceUnavailable ||
		got.body != `{"error_type":"server_error","message":"Service temporarily unavailable"}` {
		t.Errorf("without its store: %d %s", got.status, got.body)
	}
}
