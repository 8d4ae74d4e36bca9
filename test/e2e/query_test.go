package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/test/kit"
)

// parties are an administrator's installation with one of everything that a path can name, and a user who may do
// nothing.
type parties struct {
	*installation

	path     *strings.Replacer
	stranger string
}

func gather(t *testing.T) *parties {
	t.Helper()
	in := install(t, kit.Options{})
	me := in.call(t, in.admin, http.MethodGet, "/auth/verify", "")
	in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"team"}`)
	key := in.call(t, in.admin, http.MethodPost, "/users/"+me.text("user_id")+"/api-keys",
		`{"name":"k","permissions":["users.read"]}`)
	if me.status != http.StatusOK || key.status != http.StatusCreated {
		t.Fatal(me.body, key.body)
	}
	in.Register(t, "stranger", userPassword, "")
	return &parties{
		installation: in, stranger: in.token(t, "stranger", userPassword),
		path: strings.NewReplacer("{user_id}", me.text("user_id"), "{session_id}", me.text("session_id"), "{key_id}",
			key.text("key_id"),
			"{group_id}", "team", "{role_id}", "admin", "{permission}", "users.read", "{provider}", "none"),
	}
}

func (p *parties) ask(t *testing.T, token, method, path, body string) reply {
	t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return p.do(t, method, p.path.Replace(path), body, header)
}

// TestEveryCallRefusesAnUnknownQueryParameter goes through the whole document.
func TestEveryCallRefusesAnUnknownQueryParameter(t *testing.T) {
	t.Parallel()
	p := gather(t)
	const query = "?no_such_parameter=true"
	for _, o := range p.check.Operations() {
		if strings.HasSuffix(o.Path, "/callback") {
			if r := p.ask(t, "", o.Method, o.Path+query, ""); strings.Contains(r.body, "no_such_parameter") {
				t.Errorf("%s %s takes what providers add: %d %s", o.Method, o.Path, r.status, r.body)
			}
			continue
		}
		r := p.ask(t, p.admin, o.Method, o.Path+query, "")
		if r.status != http.StatusBadRequest || !strings.Contains(r.body,
			`"field":"no_such_parameter","reason":"is not a known parameter"`) {
			t.Errorf("%s %s: %d %s", o.Method, o.Path, r.status, r.body)
		}
		if o.Access == "public" {
			continue
		}
		if r := p.ask(t, "", o.Method, o.Path+query, ""); r.status != http.StatusUnauthorized {
			t.Errorf("%s %s without credentials: %d %s", o.Method, o.Path, r.status, r.body)
		}
	}
	for _, path := range []string{
		"/users/{user_id}", "/groups/{group_id}", "/roles/{role_id}", "/api-keys/{key_id}",
		"/auth/verify",
	} {
		if r := p.ask(t, p.admin, http.MethodGet, securityapi.Base+path, ""); r.status != http.StatusOK {
			t.Errorf("%s after all that: %d %s", path, r.status, r.body)
		}
	}
}

// TestARefusalForWantOfPermissionComesBeforeTheQuery holds each call on another's object against the same call without
// a query.
func TestARefusalForWantOfPermissionComesBeforeTheQuery(t *testing.T) {
	t.Parallel()
	p := gather(t)
	bodies := map[string]string{
		"POST /users/{user_id}/password":   `{"current_password":"x","new_password":"y"}`,
		"POST /users/{user_id}/api-keys":   `{"name":"k","permissions":["bots.use"]}`,
		"POST /users/{user_id}/2fa/verify": `{"code":"1"}`,
		"PATCH /users/{user_id}":           `{"full_name":"x"}`,
		"POST /permissions/check":          p.path.Replace(`{"user_id":"{user_id}","permissions":["bots.use"]}`),
	}
	for _, o := range p.check.Operations() {
		path := strings.TrimPrefix(o.Path, securityapi.Base)
		body := bodies[o.Method+" "+path]
		if o.Access == "public" || body == "" && !strings.Contains(path, "{") && o.Access == "signed in" &&
			path != "/audit/logs" {
			continue
		}
		if strings.HasPrefix(path, "/roles/") && o.Method == http.MethodGet || strings.Contains(path, "{provider}") {
			continue // every user may
		}
		plain := p.ask(t, p.stranger, o.Method, o.Path, body)
		asked := p.ask(t, p.stranger, o.Method, o.Path+"?no_such_parameter=true", body)
		if plain.status != http.StatusNotFound && plain.status != http.StatusForbidden || asked.status != plain.status {
			t.Errorf("%s %s: %d, with a query %d %s", o.Method, path, plain.status, asked.status, asked.body)
		}
	}
	in := p.installation
	in.call(t, p.admin, http.MethodPost, "/roles", `{"role_id":"helper","name":"Helper","permissions":["users.manage"]}`)
	in.call(t, p.admin, http.MethodPost, "/users/"+string(in.Register(t, "helper", userPassword, "").ID)+"/roles",
		`{"role_id":"helper"}`)
	helper := in.token(t, "helper", userPassword)
	for _, call := range []string{
		"PATCH /users/{user_id}", "DELETE /users/{user_id}", "POST /users/{user_id}/roles", "POST /users/{user_id}/unlock",
		"POST /users/{user_id}/api-keys",
		"POST /users/{user_id}/sessions/revoke-all", "POST /users/{user_id}/2fa/disable", "DELETE /sessions/{session_id}",
		"DELETE /api-keys/{key_id}",
	} {
		method, path, _ := strings.Cut(call, " ")
		if r := p.ask(t, helper, method, securityapi.Base+path+"?no_such_parameter=true",
			""); r.status != http.StatusForbidden {
			t.Errorf("%s on a more powerful user: %d %s", call, r.status, r.body)
		}
	}
	made := p.ask(t, p.admin, http.MethodPost, securityapi.Base+"/users/{user_id}/api-keys",
		`{"name":"k","permissions":["users.read"]}`)
	for _, path := range []string{"/auth/logout", "/auth/step-up"} {
		if r := p.ask(t, made.text("api_key"), http.MethodPost, securityapi.Base+path+"?no_such_parameter=true",
			""); r.status != http.StatusForbidden {
			t.Errorf("%s with an API key: %d %s", path, r.status, r.body)
		}
	}
	if r := p.ask(t, "none", http.MethodGet, securityapi.Base+"/auth/verify?no_such_parameter=true",
		""); r.status != http.StatusUnauthorized {
		t.Errorf("a bad token: %d %s", r.status, r.body)
	}
}

// TestARefusalForWantOfPermissionComesBeforeTheBody has an API key send what is no body of calls that no key may make.
func TestARefusalForWantOfPermissionComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	p := gather(t)
	made := p.ask(t, p.admin, http.MethodPost, securityapi.Base+"/users/{user_id}/api-keys",
		`{"name":"k","permissions":["users.read"]}`)
	key := made.text("api_key")
	for _, call := range []string{
		"POST /auth/logout", "POST /auth/step-up", "POST /users/{user_id}/password", "POST /users/{user_id}/2fa/enable",
		"POST /users/{user_id}/2fa/verify", "POST /users/{user_id}/2fa/disable", "POST /users/{user_id}/api-keys",
		"POST /users/{user_id}/sessions/revoke-all", "PATCH /users/{user_id}",
	} {
		method, path, _ := strings.Cut(call, " ")
		for _, body := range []string{`{"no_such_member":1}`, `{`, `[]`} {
			if r := p.ask(t, key, method, securityapi.Base+path, body); r.status != http.StatusForbidden {
				t.Errorf("%s %s: %d %s", call, body, r.status, r.body)
			}
		}
		if r := p.ask(t, p.stranger, method, securityapi.Base+path, `{"no_such_member":1}`); strings.Contains(path, "{") &&
			r.status != http.StatusNotFound {
			t.Errorf("%s of a stranger: %d %s", call, r.status, r.body)
		}
	}
}

func TestParametersOfListsAreReadStrictly(t *testing.T) {
	t.Parallel()
	p := gather(t)
	for query, field := range map[string]string{
		"/users?page=1&page=1":                        "page",
		"/users?status=active&status=active":          "status",
		"/users?Page=1":                               "Page",
		"/users/{user_id}?purge=true":                 "purge",
		"/audit/logs?action=login&action=logout":      "",
		"/audit/logs?success=true&success=true":       "success",
		"/audit/logs?start_date=2024-01-15t10:00:00z": "",
		"/audit/logs?start_date=2024-01-15t10:00:00":  "start_date",
	} {
		r := p.ask(t, p.admin, http.MethodGet, securityapi.Base+query, "")
		if refused := r.status == http.StatusBadRequest; refused != (field != "") ||
			!strings.Contains(r.body, `"field":"`+field) && refused {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
}

// TestNullIsLeavingOut sends null for every optional member of the bodies of POST requests, as the document allows.
func TestNullIsLeavingOut(t *testing.T) {
	t.Parallel()
	p := gather(t)
	for call, want := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"POST /users": {
			`{"username":"u1","email":"u1@example.com","full_name":null,"role":null,"groups":null,"metadata":null,"password":null,"directory":null,"phone_number":null}`,
			http.StatusCreated, `"status":"pending_activation"`,
		},
		"POST /users ": {`{"username":null,"email":"u2@example.com"}`, http.StatusBadRequest, `"field":"username"`},
		"POST /users  ": {
			`{"username":"u3","email":"u3@example.com","groups":[null]}`, http.StatusBadRequest,
			`"field":"groups.0"`,
		},
		"POST /users   ": {
			`{"username":"u4","email":"u4@example.com","metadata":{"a":null}}`, http.StatusCreated,
			`"metadata":{"a":null}`,
		},
		"POST /auth/login": {
			`{"username":"stranger","email":null,"password":"` + userPassword + `","two_factor_code":null,"remember_me":null}`,
			http.StatusOK, "access_token",
		},
		"POST /roles": {
			`{"role_id":"r","name":"R","permissions":[],"level":null}`, http.StatusCreated,
			`"level":100`,
		},
		"POST /roles ": {
			`{"role_id":"r2","name":"R","permissions":null}`, http.StatusBadRequest,
			`"field":"permissions"`,
		},
		"POST /groups": {
			`{"name":"g","description":null,"permissions":null}`, http.StatusCreated,
			`"permissions":[]`,
		},
		"POST /users/{user_id}/api-keys": {
			`{"name":"n","permissions":["users.read"],"expires_at":null}`,
			http.StatusCreated, "sk_live_",
		},
		"POST /permissions/check": {
			`{"user_id":null,"permissions":["users.read"]}`, http.StatusOK,
			`"granted":true`,
		},
		"POST /audit/export": {
			`{"format":"csv","date_range":null,"filters":{"user_id":null,"actions":null,"success":null}}`,
			http.StatusOK, "log_id",
		},
		"POST /users/{user_id}/2fa/enable": {
			`{"method":null,"phone_number":null,"password":null,"code":null}`, http.StatusOK,
			"backup_codes",
		},
	} {
		method, path, _ := strings.Cut(strings.TrimRight(call, " "), " ")
		r := p.ask(t, p.admin, method, securityapi.Base+path, want.body)
		if r.status != want.status || !strings.Contains(r.body, want.says) {
			t.Errorf("%s %s: %d %s, want %d with %s", call, want.body, r.status, r.body, want.status, want.says)
		}
	}
	if r := p.ask(t, p.admin, http.MethodPatch, securityapi.Base+"/users/{user_id}",
		`{"role":null}`); r.status != http.StatusBadRequest || !strings.Contains(r.body, "must not be null") {
		t.Errorf("null in a patch: %d %s", r.status, r.body)
	}
	if r := p.ask(t, p.admin, http.MethodPost, securityapi.Base+"/users/{user_id}/sessions/revoke-all",
		`{"except_current":null}`); r.status != http.StatusOK {
		t.Errorf("null for all sessions: %d %s", r.status, r.body)
	}
}

func TestTimesInLowerCaseAreTaken(t *testing.T) {
	t.Parallel()
	p := gather(t)
	p.check = nil // the document's form of a time is the usual one
	r := p.ask(t, p.admin, http.MethodPost, securityapi.Base+"/users/{user_id}/api-keys",
		`{"name":"n","permissions":["users.read"],"expires_at":"2026-05-01t12:00:00+02:00"}`)
	if r.status != http.StatusCreated || !strings.Contains(r.body, `"expires_at":"2026-05-01T10:00:00Z"`) {
		t.Errorf("a body: %d %s", r.status, r.body)
	}
	dates := `{"format":"csv","date_range":{"start":"2026-03-01t00:00:00z","end":"2026-03-03t00:00:00z"}}`
	if r := p.ask(t, p.admin, http.MethodPost, securityapi.Base+"/audit/export", dates); r.status != http.StatusOK {
		t.Errorf("an export: %d %s", r.status, r.body)
	}
	if r := p.ask(t, p.admin, http.MethodGet, securityapi.Base+"/audit/logs?start_date=2026-03-01t00:00:00z",
		""); r.status != http.StatusOK {
		t.Errorf("a query: %d %s", r.status, r.body)
	}
}

func TestUnchangedSettingsAre304(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	header := http.Header{"Authorization": {"Bearer " + in.admin}}
	first := in.do(t, http.MethodGet, securityapi.Base+"/settings/security", "", header)
	header.Set("If-None-Match", "W/"+first.header.Get("ETag"))
	if r := in.do(t, http.MethodGet, securityapi.Base+"/settings/security", "",
		header); r.status != http.StatusNotModified || r.body != "" || r.header.Get("ETag") == "" {
		t.Errorf("%d %q %v", r.status, r.body, r.header)
	}
	header.Set("Content-Type", "application/merge-patch+json")
	if r := in.do(t, http.MethodPatch, securityapi.Base+"/settings/security", `{"session_policy":{"max_sessions":7}}`,
		header); r.status != http.StatusOK {
		t.Fatal(r.status, r.body)
	}
	header.Del("Content-Type")
	if r := in.do(t, http.MethodGet, securityapi.Base+"/settings/security", "", header); r.status != http.StatusOK ||
		!strings.Contains(r.body, `"max_sessions":7`) {
		t.Errorf("after a change: %d %s", r.status, r.body)
	}
}
