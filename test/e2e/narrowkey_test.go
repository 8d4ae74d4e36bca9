package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// readableByKey are the calls on its own owner that a key of an administrator can make, with the permissions that open
// each; any key can make those without. No permission alone opens a call that changes the owner, who holds more.
var readableByKey = map[string][]string{
	"GET /users/{user_id}":                          nil,
	"GET /users/{user_id}/identities":               nil,
	"POST /permissions/check":                       nil,
	"GET /users/{user_id}/permissions":              {"users.read", "users.manage"},
	"GET /users/{user_id}/permissions/{permission}": {"users.read", "users.manage"},
	"GET /users/{user_id}/sessions":                 {"sessions.manage", "users.manage"},
	"GET /users/{user_id}/api-keys":                 {"api_keys.manage", "users.manage"},
	"GET /api-keys/{key_id}":                        {"api_keys.manage", "users.manage"},
}

// TestANarrowKeyIsNotItsOwner calls every route that names a user, a session or a key, as a key with one permission of
// an administrator and on that administrator. A new route is refused to such a key before it has a line above.
func TestANarrowKeyIsNotItsOwner(t *testing.T) {
	t.Parallel()
	for _, permission := range []string{
		"bots.manage", "users.read", "users.manage", "groups.manage", "sessions.manage", "api_keys.manage",
		"system.configure",
	} {
		t.Run(permission, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "admin", "own")
			owner := w.fill["{user_id}"]
			before, err := w.Store.Users().Get(t.Context(), domain.UserID(owner))
			must(t, err)
			session := w.token
			w.token = w.apiKey(t, session, owner, permission)
			for _, o := range w.operations() {
				onOwner := strings.Contains(o+bodies[o], "{user_id}")
				if !onOwner && !strings.Contains(o, "{session_id}") && !strings.Contains(o, "{key_id}") {
					continue
				}
				opens, known := readableByKey[o]
				may := known && (opens == nil || slices.Contains(opens, permission))
				status := w.status(t, o)
				if may && status != "200" || !may && status != "403" && status != "404" {
					t.Errorf("%s: %s", o, status)
				}
			}
			after, err := w.Store.Users().Get(t.Context(), domain.UserID(owner))
			must(t, err)
			if len(after.Sessions) != len(before.Sessions) || after.Email != before.Email ||
				!after.UpdatedAt.Equal(before.UpdatedAt) {
				t.Error("the owner has changed")
			}
			if r := w.call(t, session, http.MethodGet, "/auth/verify", ""); r.status != http.StatusOK {
				t.Errorf("the owner's session: %d %s", r.status, r.body)
			}
		})
	}
}

// TestKeyActsOnItsOwnerByItsPermissions has owners who hold nothing administrative that their keys lack.
func TestKeyActsOnItsOwnerByItsPermissions(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.desk(t)
	id := string(in.Register(t, "agent", userPassword, "desk").ID)
	session := in.token(t, "agent", userPassword)
	whole, profile := in.apiKey(t, session, id, "users.manage"), in.apiKey(t, session, id, "profile.edit")
	bots := in.apiKey(t, session, id, "bots.use")
	for _, step := range []struct {
		what, token, method, path, body string
		want                            int
	}{
		{"the profile of an owner who holds more", profile, http.MethodPatch, "/users/" + id, `{"full_name":"A"}`, 403},
		{"the profile by users.manage", whole, http.MethodPatch, "/users/" + id, `{"full_name":"A"}`, 200},
		{"the address by users.manage", whole, http.MethodPatch, "/users/" + id, `{"email":"agent@example.net"}`, 200},
		{"a role that the key cannot give", whole, http.MethodPatch, "/users/" + id, `{"role":"admin"}`, 403},
		{"what the key lacks", whole, http.MethodPost, "/groups/writers/members", `{"user_id":"` + id + `"}`, 403},
		{"the sessions by bots.use", bots, http.MethodGet, "/users/" + id + "/sessions", "", 403},
		{"their end by bots.use", bots, http.MethodPost, "/users/" + id + "/sessions/revoke-all", "", 403},
		{"their end by users.manage", whole, http.MethodPost, "/users/" + id + "/sessions/revoke-all", "", 200},
	} {
		if r := in.call(t, step.token, step.method, step.path, step.body); r.status != step.want {
			t.Errorf("%s: %d %s, want %d", step.what, r.status, r.body, step.want)
		}
	}
	user := string(in.Register(t, "plain", userPassword, "user").ID)
	own := in.apiKey(t, in.token(t, "plain", userPassword), user, "profile.edit")
	if r := in.call(t, own, http.MethodPatch, "/users/"+user, `{"full_name":"P"}`); r.status != http.StatusOK {
		t.Errorf("the profile by profile.edit: %d %s", r.status, r.body)
	}
}

// desk makes a role that manages users and a group whose permission it lacks.
func (in *installation) desk(t *testing.T) {
	t.Helper()
	_, err := in.Access.CreateRole(t.Context(), domain.Operator(), access.RoleInput{
		ID: "desk", Name: "Desk", Permissions: []string{"users.manage", "profile.edit", "bots.use", "api_keys.manage"},
	})
	must(t, err)
	writers := access.GroupInput{Name: "writers", Permissions: []string{"kb.edit"}}
	_, err = in.Access.CreateGroup(t.Context(), domain.Operator(), writers)
	must(t, err)
}

// apiKey makes a key of the owner with one permission and returns its text.
func (in *installation) apiKey(t *testing.T, session, owner, permission string) string {
	t.Helper()
	body := `{"name":"k","permissions":["` + permission + `"]}`
	return in.call(t, session, http.MethodPost, "/users/"+owner+"/api-keys", body).text("api_key")
}

// TestAnIdempotencyKeyIsOfOneCredential sends the same request with the same key by two API keys and two sessions of
// one user: each gets an answer of its own, and what a session sends again with a new token is answered as at first.
func TestAnIdempotencyKeyIsOfOneCredential(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.desk(t)
	id := string(in.Register(t, "agent", userPassword, "desk").ID)
	login := func() reply {
		t.Helper()
		return in.call(t, "", http.MethodPost, "/auth/login", `{"username":"agent","password":"`+userPassword+`"}`)
	}
	first, second := login(), login()
	path, body := "/users/"+id+"/api-keys", `{"name":"k","permissions":["users.manage"]}`
	send := func(token string) reply {
		t.Helper()
		header := http.Header{"Authorization": {"Bearer " + token}, "Idempotency-Key": {"the-same"}}
		return in.do(t, http.MethodPost, securityapi.Base+path, body, header)
	}
	one := in.call(t, first.text("access_token"), http.MethodPost, path, body).text("api_key")
	two := in.call(t, first.text("access_token"), http.MethodPost, path, body).text("api_key")
	made := map[string]string{}
	for name, token := range map[string]string{
		"one key": one, "another key": two,
		"one session": first.text("access_token"), "another session": second.text("access_token"),
	} {
		r := send(token)
		if r.status != http.StatusCreated || r.header.Get("Idempotency-Replayed") != "" {
			t.Fatalf("%s: %d %s, replayed %q", name, r.status, r.body, r.header.Get("Idempotency-Replayed"))
		}
		made[r.text("api_key")] = name
		again := send(token)
		if again.body != r.body || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s again: %d %s", name, again.status, again.body)
		}
	}
	if len(made) != 4 {
		t.Errorf("four credentials have %d secrets", len(made))
	}
	refreshed := in.call(t, "", http.MethodPost, "/auth/refresh", `{"refresh_token":"`+first.text("refresh_token")+`"}`)
	if r := send(refreshed.text("access_token")); made[r.text("api_key")] != "one session" {
		t.Errorf("the session with its next token: %d %s", r.status, r.body)
	}
}

// TestLogoutWithoutASessionIsRefused has nothing that the call names end.
func TestLogoutWithoutASessionIsRefused(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	id := string(in.Register(t, "john", userPassword, "user").ID)
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	session, refresh := login.text("access_token"), login.text("refresh_token")
	key := in.call(t, session, http.MethodPost, "/users/"+id+"/api-keys", `{"name":"k","permissions":["bots.use"]}`)
	third, err := in.TPT.Create(t.Context(), domain.Operator(), domain.RoleUser)
	must(t, err)
	for _, path := range []string{"/auth/logout", "/auth/oidc/logout"} {
		for _, body := range []string{"", `{"refresh_token":"` + refresh + `"}`} {
			for _, token := range []string{key.text("api_key"), third.Text} {
				r := in.call(t, token, http.MethodPost, path, body)
				if r.status != http.StatusForbidden || r.text("error") != "forbidden" {
					t.Errorf("%s %s: %d %s", path, body, r.status, r.body)
				}
			}
		}
	}
	for _, token := range []string{session, key.text("api_key")} {
		if r := in.call(t, token, http.MethodGet, "/auth/verify", ""); r.status != http.StatusOK {
			t.Errorf("afterwards: %d %s", r.status, r.body)
		}
	}
	_, err = in.TPT.Revoke(t.Context(), domain.Operator(), third.ID)
	must(t, err)
	if r := in.call(t, third.Text, http.MethodPost, "/auth/logout", ""); r.status != http.StatusOK {
		t.Errorf("a third-party token that is no more: %d %s", r.status, r.body)
	}
	if r := in.call(t, session, http.MethodDelete, "/api-keys/"+key.text("key_id"), ""); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := in.call(t, key.text("api_key"), http.MethodPost, "/auth/logout", ""); r.status != http.StatusOK {
		t.Errorf("a key that is no more: %d %s", r.status, r.body)
	}
}
