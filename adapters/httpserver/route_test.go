package httpserver_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestRouteWithoutAccessMarkDoesNotMount(t *testing.T) {
	t.Parallel()
	tests := map[string]httpserver.Route{
		"no mark":             {Method: http.MethodGet, Path: "/x", Handler: ok},
		"an empty permission": {Method: http.MethodGet, Path: "/x", Access: httpserver.Requires(""), Handler: ok},
		"no handler":          {Method: http.MethodGet, Path: "/x", Access: httpserver.Public()},
		"no such method":      {Method: "TRACE", Path: "/x", Access: httpserver.Public(), Handler: ok},
		"a wild path":         {Method: http.MethodGet, Path: "/x*", Access: httpserver.Public(), Handler: ok},
		"mounted twice":       {Method: http.MethodGet, Path: "/twice", Access: httpserver.Public(), Handler: ok},
	}
	for name, route := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twice := get("/twice", httpserver.Public(), ok)
			if _, err := httpserver.New(httpserver.Config{Clock: clock{}}, testAPI(twice, route)); err == nil {
				t.Error("it was mounted")
			}
		})
	}
}

func TestRoutesAreListedWithAccessMarks(t *testing.T) {
	t.Parallel()
	_, server := start(t, httpserver.Config{}, testAPI(get("/users", httpserver.Requires(domain.UsersRead), ok),
		get("/me", httpserver.SignedIn(), ok)))
	var lines []string
	for _, r := range server.Routes() {
		lines = append(lines, r.Method+" "+r.Path+" "+r.Access.String())
	}
	want := "GET /healthz public;GET /readyz public;GET /api/v1/security/users users.read;GET /api/v1/security/me " +
		"signed in"
	if got := strings.Join(lines, ";"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestAccessIsCheckedBeforeTheHandler(t *testing.T) {
	t.Parallel()
	called := false
	note := func(r *httpserver.Request) error { called = true; return ok(r) }
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/signed", httpserver.SignedIn(), note),
		get("/reads", httpserver.Requires(domain.UsersRead), note),
		get("/manages", httpserver.Requires(domain.UsersManage), note),
		post("/signed", httpserver.SignedIn(), note),
	))
	for _, headers := range [][]string{
		nil,
		{"Authorization: Bearer bad"},
		{"Authorization: Basic good"},
		{"Authorization: Bearer"},
		{"Authorization: good"},
	} {
		a := call(t, http.MethodGet, address, prefix+"/signed", "", headers...)
		wantFailure(t, a, http.StatusUnauthorized, "unauthorized")
		if got := a.Header.Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("WWW-Authenticate %q", got)
		}
	}
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/manages", "", "Authorization: Bearer good"),
		http.StatusForbidden, "forbidden")
	wantFailure(t, call(t, http.MethodPost, address, prefix+"/signed", "junk", "Content-Type: text/plain"),
		http.StatusUnauthorized, "unauthorized")
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/signed?access_token=good", ""), http.StatusUnauthorized,
		"unauthorized")
	if called {
		t.Fatal("a handler was called")
	}
	for _, path := range []string{"/signed", "/reads"} {
		if a := call(t, http.MethodGet, address, prefix+path, "", "Authorization: bearer good"); a.Status != http.StatusOK {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}

func TestInvisibleObjectsAreNotFound(t *testing.T) {
	t.Parallel()
	absent := fault.New(fault.NotFound, "not_found", "Thing not found")
	hidden := func(sight domain.Permission) httpserver.Access {
		return httpserver.Requires(domain.UsersManage).Hidden(absent, "id", sight)
	}
	api := testAPI(get("/seen/{id}", hidden(domain.UsersRead), ok), get("/unseen/{id}", hidden(domain.AuditRead), ok))
	var noted []string
	api.Denied = func(_ context.Context, _ domain.Principal, route string) error {
		noted = append(noted, route)
		return nil
	}
	address, _ := start(t, httpserver.Config{}, api)
	for path, want := range map[string]int{
		"/seen/usr_2": http.StatusForbidden, "/unseen/usr_2": http.StatusNotFound,
		"/unseen/usr_1": http.StatusForbidden,
	} {
		noted = nil
		code := map[int]string{http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found"}[want]
		wantFailure(t, call(t, http.MethodGet, address, prefix+path, "", "Authorization: Bearer good"), want, code)
		if len(noted) != 1 {
			t.Errorf("%s was noted %d times", path, len(noted))
		}
	}
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/unseen/usr_2", ""), http.StatusUnauthorized, "unauthorized")
}

func TestTwoCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(get("/me", httpserver.SignedIn(), ok)))
	tests := map[string]struct {
		headers []string
		status  int
	}{
		"bearer":                              {[]string{"Authorization: Bearer good"}, 200},
		"a key":                               {[]string{"X-API-KEY: good"}, 200},
		"the same twice, in each its way":     {[]string{"Authorization: Bearer good", "X-API-KEY: good"}, 200},
		"two that differ":                     {[]string{"Authorization: Bearer good", "X-API-KEY: other"}, 400},
		"another scheme beside a key":         {[]string{"Authorization: Basic eDp5", "X-API-KEY: good"}, 400},
		"two Authorization headers":           {[]string{"Authorization: Bearer good", "Authorization: Bearer other"}, 400},
		"the same Authorization header twice": {[]string{"Authorization: Bearer good", "Authorization: Bearer good"}, 400},
		"two keys":                            {[]string{"X-API-KEY: good", "X-API-KEY: other"}, 400},
		"a token with a space":                {[]string{"Authorization: Bearer good x"}, 401},
		"a token of strange characters":       {[]string{"Authorization: Bearer good\xff"}, 401},
		"an overlong token":                   {[]string{"Authorization: Bearer " + strings.Repeat("a", 5000)}, 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := call(t, http.MethodGet, address, prefix+"/me", "", test.headers...); a.Status != test.status {
				t.Errorf("status %d: %s", a.Status, a.Raw)
			}
		})
	}
}

func TestOnlyJSONIsAccepted(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(post("/echo", httpserver.Public(), ok)))
	for _, kind := range []string{
		"application/json", "application/json; charset=utf-8",
		"Application/JSON;charset=UTF-8",
	} {
		if a := call(t, http.MethodPost, address, prefix+"/echo", "{}", "Content-Type: "+kind); a.Status != http.StatusOK {
			t.Errorf("%s: %d", kind, a.Status)
		}
	}
	for _, kind := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
		"text/json",
		"application/json; charset=utf-16", "application/jsonx", "application/json, text/plain",
		"application/merge-patch+xml",
	} {
		a := call(t, http.MethodPost, address, prefix+"/echo", "{}", "Content-Type: "+kind)
		wantFailure(t, a, http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	if a := call(t, http.MethodPost, address, prefix+"/echo", ""); a.Status != http.StatusOK {
		t.Errorf("no body: %d", a.Status)
	}
}

func TestPathParametersAreValidated(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{},
		testAPI(get("/groups/{group_id}/members", httpserver.Public(), func(r *httpserver.Request) error {
			return r.JSON(http.StatusOK, map[string]any{"id": r.Param("group_id")})
		})))
	for sent, want := range map[string]string{
		"usr_1": "usr_1", "support%20team": "support team", "a@b.c": "a@b.c", "users.%2A": "users.*", "%61": "a",
		"gr%C3%BCn": "grün", "a+b": "a+b",
	} {
		if a := call(t, http.MethodGet, address, prefix+"/groups/"+sent+"/members", ""); a.Body["id"] != want {
			t.Errorf("%s: %s", sent, a.Raw)
		}
	}
	for _, sent := range []string{
		"a%2Fb", "a%2fb", "%2e%2e", "..", ".", "%2E", "a%00b", "a%0d%0ab", "a;b", "a%3Bb", "a%5Cb", "a\\b", "%252F", "a%25b",
		"%zz", "%", "%c0%af", "%ff", "a%3Fb",
		"a%7f", strings.Repeat("a", 300),
	} {
		a, answered := rawCall(t, address, "GET "+prefix+"/groups/"+sent+"/members HTTP/1.1\r\nHost: x\r\n\r\n")
		if !answered {
			t.Errorf("%s: no answer", sent)
			continue
		}
		wantFailure(t, a, http.StatusBadRequest, "invalid_request")
		if a.fields() != "group_id" {
			t.Errorf("%s: %s", sent, a.Raw)
		}
	}
}

func TestFailuresHaveOneStatusEach(t *testing.T) {
	t.Parallel()
	until := time.Date(2024, 1, 15, 15, 0, 0, 7, time.FixedZone("", 3600))
	f := fault.New(fault.Locked, "account_locked", "Account locked due to too many failed attempts")
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/locked", httpserver.Public(),
			func(*httpserver.Request) error { return f.With("locked_until", until).After(1500 * time.Millisecond) }),
		get("/unknown", httpserver.Public(), func(*httpserver.Request) error { return f.With("locked_until", time.Time{}) }),
		get("/limited", httpserver.Public(), func(r *httpserver.Request) error {
			r.RateLimit(domain.RateState{Limit: 5, Remaining: 0, Reset: 59001 * time.Millisecond})
			return fault.ErrRateLimited.After(time.Millisecond)
		}),
		get("/over", httpserver.Public(),
			func(*httpserver.Request) error { return fault.ErrRateLimited.Over(60, 59*time.Second) }),
		get("/details", httpserver.Public(), func(*httpserver.Request) error {
			return fault.ErrInvalid.About("email", "is required").About("username", "is required")
		}),
		get("/timeout", httpserver.Public(), func(r *httpserver.Request) error {
			ctx, cancel := context.WithTimeout(r.Context(), 0)
			defer cancel()
			return ctx.Err()
		}),
	))
	a := call(t, http.MethodGet, address, prefix+"/locked", "")
	wantFailure(t, a, http.StatusLocked, "account_locked")
	if a.Body["locked_until"] != "2024-01-15T14:00:00Z" || a.Header.Get("Retry-After") != "2" {
		t.Errorf("%s %v", a.Raw, a.Header)
	}
	if a = call(t, http.MethodGet, address, prefix+"/unknown", ""); !strings.Contains(a.Raw, `"locked_until":null`) {
		t.Error(a.Raw)
	}
	a = call(t, http.MethodGet, address, prefix+"/limited", "")
	wantFailure(t, a, http.StatusTooManyRequests, "rate_limited")
	if h := a.Header; h.Get("Retry-After") != "1" || h.Get("Ratelimit-Limit") != "5" ||
		h.Get("Ratelimit-Remaining") != "0" || h.Get("Ratelimit-Reset") != "60" {
		t.Errorf("%v", h)
	}
	if h := call(t, http.MethodGet, address, prefix+"/over", "").Header; h.Get("Ratelimit-Limit") != "60" ||
		h.Get("Ratelimit-Remaining") != "0" ||
		h.Get("Ratelimit-Reset") != "59" || h.Get("Retry-After") != "59" {
		t.Errorf("%v", h)
	}
	a = call(t, http.MethodGet, address, prefix+"/details", "")
	wantFailure(t, a, http.StatusBadRequest, "invalid_request")
	if a.fields() != "email,username" {
		t.Error(a.Raw)
	}
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/timeout", ""), http.StatusServiceUnavailable,
		"storage_unavailable")
	seen := map[int]bool{}
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		status := httpserver.StatusOf(kind)
		if status < 400 || seen[status] {
			t.Errorf("kind %d has status %d", kind, status)
		}
		seen[status] = true
	}
}

func TestRequestIDIsTakenOrMade(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(get("/id", httpserver.Public(), func(r *httpserver.Request) error {
		return r.JSON(http.StatusOK, map[string]any{"id": r.Origin.RequestID})
	})))
	for _, given := range []string{"a", "req-1/2!~", strings.Repeat("x", 128)} {
		if a := call(t, http.MethodGet, address, prefix+"/id", "", "X-Request-ID: "+given); a.Body["id"] != given ||
			a.Header.Get("X-Request-Id") != given {
			t.Errorf("%q: %s", given, a.Raw)
		}
	}
	made := map[any]bool{}
	for _, given := range []string{"", "a b", "ä", strings.Repeat("x", 129), "a\tb"} {
		a := call(t, http.MethodGet, address, prefix+"/id", "", "X-Request-ID: "+given)
		id, _ := a.Body["id"].(string)
		if !strings.HasPrefix(id, "req_") || len(id) != 28 || made[id] {
			t.Errorf("%q: %s", given, a.Raw)
		}
		made[id] = true
	}
}
