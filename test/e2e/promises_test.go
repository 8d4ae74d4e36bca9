package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// together makes n calls at once and returns the answers.
func together(n int, call func(i int) reply) []reply {
	replies := make([]reply, n)
	start := make(chan struct{})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			<-start
			replies[i] = call(i)
		})
	}
	close(start)
	calls.Wait()
	return replies
}

func count(replies []reply, status int) int {
	n := 0
	for _, r := range replies {
		if r.status == status {
			n++
		}
	}
	return n
}

func statuses(replies []reply) string {
	var all []string
	for _, r := range replies {
		all = append(all, strconv.Itoa(r.status))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func TestFailedSignInsAreIndistinguishable(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.Register(t, "known", userPassword, "")
	gone := in.Register(t, "gone", userPassword, "")
	in.call(t, in.admin, http.MethodDelete, "/users/"+string(gone.ID), "")
	in.call(t, in.admin, http.MethodPost, "/users", `{"username":"pending","email":"pending@example.com"}`)
	want := ""
	for _, c := range [][2]string{
		{"unknown", userPassword},
		{"known", "wrong"},
		{"gone", userPassword},
		{"pending", userPassword},
		{"known@example.com", "wrong"},
		{"known", " " + userPassword},
	} {
		r := in.call(t, "", http.MethodPost, "/auth/login", fmt.Sprintf(`{"username":%q,"password":%q}`, c[0], c[1]))
		got := fmt.Sprint(r.status, strings.ReplaceAll(r.body, r.text("request_id"), ""))
		if want == "" {
			want = got
		}
		if got != want || r.status != http.StatusUnauthorized {
			t.Errorf("%s: %s, want %s", c[0], got, want)
		}
	}
}

func TestDeactivationTakesEffectImmediately(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	access, refresh := login.text("access_token"), login.text("refresh_token")
	key := in.call(t, access, http.MethodPost, "/users/"+string(user.ID)+"/api-keys",
		`{"name":"k","permissions":["bots.use"]}`).text("api_key")
	for _, token := range []string{access, key} {
		if r := in.call(t, token, http.MethodGet, "/auth/verify", ""); r.status != http.StatusOK {
			t.Fatalf("before: %d %s", r.status, r.body)
		}
	}
	in.call(t, in.admin, http.MethodDelete, "/users/"+string(user.ID), "")
	for _, token := range []string{access, key} {
		if r := in.call(t, token, http.MethodGet, "/auth/verify", ""); r.status != http.StatusUnauthorized {
			t.Errorf("after: %d %s", r.status, r.body)
		}
	}
	if r := in.call(t, "", http.MethodPost, "/auth/refresh",
		`{"refresh_token":"`+refresh+`"}`); r.status != http.StatusUnauthorized {
		t.Errorf("refresh: %d %s", r.status, r.body)
	}
}

func TestConcurrentRefreshReturnsOneSuccessor(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.Register(t, "john", userPassword, "")
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	replies := together(50, func(int) reply {
		return in.call(t, "", http.MethodPost, "/auth/refresh", `{"refresh_token":"`+login.text("refresh_token")+`"}`)
	})
	successors := map[string]bool{}
	for _, r := range replies {
		successors[r.text("refresh_token")] = true
	}
	if count(replies, http.StatusOK) != 50 || len(successors) != 1 {
		t.Errorf("answers %s, %d successors", statuses(replies), len(successors))
	}
	for successor := range successors {
		if r := in.call(t, "", http.MethodPost, "/auth/refresh",
			`{"refresh_token":"`+successor+`"}`); r.status != http.StatusOK {
			t.Errorf("the successor: %d %s", r.status, r.body)
		}
	}
}

func TestMaxSessionsUnderARace(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	replies := together(20, func(int) reply {
		return in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	})
	live := 0
	for _, r := range replies {
		if r.status == http.StatusOK && in.call(t, r.text("access_token"), http.MethodGet, "/auth/verify",
			"").status == http.StatusOK {
			live++
		}
	}
	listed := in.call(t, in.admin, http.MethodGet, "/users/"+string(user.ID)+"/sessions", "")
	if live != 5 || listed.object["total"] != 5.0 {
		t.Errorf("%d sessions are live, %v are listed; answers %s", live, listed.object["total"], statuses(replies))
	}
}

func TestAlteredTokensAreRefused(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	access, refresh := login.text("access_token"), login.text("refresh_token")
	key := in.call(t, access, http.MethodPost, "/users/"+string(user.ID)+"/api-keys",
		`{"name":"k","permissions":["bots.use"]}`).text("api_key")
	for kind, token := range map[string]string{"access": access, "key": key} {
		for _, bad := range mutations(token) {
			if r := in.call(t, bad, http.MethodGet, "/auth/verify", ""); r.status != http.StatusUnauthorized {
				t.Errorf("%s token, changed to %q: %d", kind, bad, r.status)
			}
		}
	}
	for _, bad := range append(mutations(refresh), " "+refresh, refresh+" ", refresh+`\n`) {
		if r := in.call(t, "", http.MethodPost, "/auth/refresh",
			`{"refresh_token":"`+bad+`"}`); r.status != http.StatusUnauthorized {
			t.Errorf("refresh token, changed to %q: %d", bad, r.status)
		}
	}
	if r := in.call(t, access, http.MethodGet, "/auth/verify", ""); r.status != http.StatusOK {
		t.Errorf("the access token after all that: %d", r.status)
	}
}

// mutations returns a token cut, extended, and changed in each of its last characters, which encodings like to ignore.
func mutations(token string) []string {
	var all []string
	for _, n := range []int{1, 2, 8, len(token) / 2, len(token) - 1} {
		all = append(all, token[:n], token[n:])
	}
	all = append(all, token+"=", token+"==", token+"A", token+".", token+"."+token, strings.ToUpper(token),
		strings.ToLower(token))
	for i := len(token) - 3; i < len(token); i++ {
		for _, c := range "ABCDwxyz019-_" {
			if changed := token[:i] + string(c) + token[i+1:]; changed != token {
				all = append(all, changed)
			}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == token })
}

func TestCredentialKindsAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	key := in.call(t, login.text("access_token"), http.MethodPost, "/users/"+string(user.ID)+"/api-keys",
		`{"name":"k","permissions":["bots.use"]}`)
	in.call(t, "", http.MethodPost, "/auth/password/reset-request", `{"email":"john@example.com"}`)
	emails := in.SentEmails(t)
	reset := tokenInMail.FindStringSubmatch(emails[len(emails)-1].Text)[1]
	credentials := map[string]string{
		"access": login.text("access_token"), "refresh": login.text("refresh_token"), "key": key.text("api_key"),
		"session id": login.text("session_id"), "user id": string(user.ID), "key id": key.text("key_id"), "the reset": reset,
	}
	for _, kind := range sortedKeys(credentials) { // the reset is the last: it ends the others
		c := credentials[kind]
		if r := in.call(t, c, http.MethodGet, "/auth/verify", ""); (r.status == http.StatusOK) != (kind == "access" ||
			kind == "key") {
			t.Errorf("%s as bearer: %d", kind, r.status)
		}
		if r := in.call(t, "", http.MethodPost, "/auth/refresh", `{"refresh_token":"`+c+`"}`); kind != "refresh" &&
			r.status != http.StatusUnauthorized {
			t.Errorf("%s as refresh token: %d", kind, r.status)
		}
		r := in.call(t, "", http.MethodPost, "/auth/password/reset",
			`{"token":"`+c+`","new_password":"Another-1-Long-Password"}`)
		if kind != "the reset" && r.text("error") != "invalid_token" && r.text("error") != "rate_limited" {
			t.Errorf("%s as reset token: %d %s", kind, r.status, r.body)
		}
	}
}

func TestResetTokenWorksOnceUnderARace(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.Register(t, "john", userPassword, "")
	in.call(t, "", http.MethodPost, "/auth/password/reset-request", `{"email":"john@example.com"}`)
	emails := in.SentEmails(t)
	token := tokenInMail.FindStringSubmatch(emails[len(emails)-1].Text)[1]
	password := func(i int) string { return fmt.Sprintf("Changed-%02d-Wagon-Umbrella", i) }
	replies := together(20, func(i int) reply {
		return in.call(t, "", http.MethodPost, "/auth/password/reset",
			`{"token":"`+token+`","new_password":"`+password(i)+`"}`)
	})
	if count(replies, http.StatusOK) != 1 {
		t.Fatalf("answers %s, %d times 200", statuses(replies), count(replies, http.StatusOK))
	}
	for i, r := range replies {
		if r.status == http.StatusOK {
			in.token(t, "john", password(i))
		}
	}
}

// TestEveryChangeIsAudited makes each change once and looks for its one entry, found by the request's id.
func TestEveryChangeIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	expected := map[string]domain.Action{
		"POST /users": domain.ActionUserCreate, "PATCH /users/{user_id}": domain.ActionUserUpdate,
		"POST /users/{user_id}/roles": domain.ActionPermissionChange,
		"DELETE /users/{user_id}":     domain.ActionUserDeactivate, "POST /roles": domain.ActionRoleCreate,
		"POST /groups":             domain.ActionGroupCreate,
		"PATCH /groups/{group_id}": domain.ActionGroupUpdate, "DELETE /groups/{group_id}": domain.ActionGroupDelete,
		"DELETE /roles/{role_id}": domain.ActionRoleDelete, "POST /groups/{group_id}/members": domain.ActionPermissionChange,
		"DELETE /groups/{group_id}/members/{user_id}": domain.ActionPermissionChange,
		"PATCH /settings/security":                    domain.ActionSettingsChange,
		"DELETE /sessions/{session_id}":               domain.ActionSessionRevoke,
		"POST /users/{user_id}/sessions/revoke-all":   domain.ActionSessionRevoke,
		"DELETE /api-keys/{key_id}":                   domain.ActionAPIKeyRevoke,
	}
	for _, o := range w.operations() {
		action, changes := expected[o]
		if !changes {
			continue
		}
		method, path, _ := strings.Cut(o, " ")
		id := "change-" + string(action) + "-" + strconv.Itoa(len(o))
		header := http.Header{"Authorization": {"Bearer " + w.token}, "X-Request-Id": {id}}
		r := w.do(t, method, securityapi.Base+w.filled(path), w.filled(bodies[o]), header)
		var found []domain.Action
		for _, e := range w.Entries(t) {
			if e.RequestID == id {
				found = append(found, e.Action)
			}
		}
		if r.status >= http.StatusBadRequest || len(found) != 1 || found[0] != action {
			t.Errorf("%s: %d, entries %v, want %s", o, r.status, found, action)
		}
	}
}
