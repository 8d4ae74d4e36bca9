package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/test/kit"
)

// The test locks john out of one source and reads the state as every user who may.
func TestUserResponsesContainTheEndOfTheLock(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	john := in.Register(t, "john", userPassword, "")
	in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"team"}`)
	in.call(t, in.admin, http.MethodPost, "/groups/team/members", `{"user_id":"`+string(john.ID)+`"}`)
	token := in.token(t, "john", userPassword)
	path := "/users/" + string(john.ID)
	paths := []string{path, "/users?search=john", "/groups/team/members"}
	const free = `"locked_until":null`
	for _, path := range paths {
		if r := in.call(t, in.admin, http.MethodGet, path, ""); !strings.Contains(r.body, free) {
			t.Errorf("%s before: %d %s", path, r.status, r.body)
		}
	}
	var locked reply
	for range 6 {
		locked = in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"wrong"}`)
	}
	if locked.status != http.StatusLocked {
		t.Fatal(locked.status, locked.body)
	}
	want := `"locked_until":"` + locked.text("locked_until") + `"`
	for _, path := range paths {
		if r := in.call(t, in.admin, http.MethodGet, path, ""); !strings.Contains(r.body, want) {
			t.Errorf("%s: %d %s, want %s", path, r.status, r.body, want)
		}
	}
	if r := in.call(t, in.admin, http.MethodPatch, path, `{"full_name":"John"}`); !strings.Contains(r.body, want) {
		t.Errorf("a change: %d %s, want %s", r.status, r.body, want)
	}
	if r := in.call(t, in.admin, http.MethodPost, path+"/roles", `{"role_id":"supervisor"}`); !strings.Contains(r.body,
		want) {
		t.Errorf("a new role: %d %s, want %s", r.status, r.body, want)
	}
	if r := in.call(t, token, http.MethodGet, path, ""); r.status != http.StatusOK || !strings.Contains(r.body, free) {
		t.Errorf("john himself: %d %s", r.status, r.body)
	}
	in.call(t, in.admin, http.MethodPost, path+"/unlock", "")
	for _, path := range paths {
		if r := in.call(t, in.admin, http.MethodGet, path, ""); !strings.Contains(r.body, free) {
			t.Errorf("%s after an unlock: %d %s", path, r.status, r.body)
		}
	}
}
