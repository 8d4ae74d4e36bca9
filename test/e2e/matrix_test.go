package e2e_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

const matrixFile = "testdata/matrix.txt"

// TestAuthorizationMatrix calls every route as every kind of principal on every kind of object and compares the
// responses with a readable table. A new route does not pass before its line was reviewed.
func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	callers := []string{"anonymous", "garbage", "user", "key", "auditor", "helpdesk", "admin"}
	objects := []string{"own", "other", "above", "absent"}
	rows := map[string][]string{}
	var operations []string
	for _, caller := range callers {
		for _, object := range objects {
			w := newWorld(t, caller, object)
			operations = w.operations()
			for _, o := range operations {
				rows[o] = append(rows[o], w.status(t, o))
			}
		}
	}
	var b strings.Builder
	b.WriteString(
		"# Status of every call, by who calls (columns of four: on one's own, on another user's, on an administrator's, on " +
			"what is absent).\n")
	fmt.Fprintf(&b, "%-62s %s\n", "#", strings.Join(padded(callers), " "))
	for _, o := range operations {
		fmt.Fprintf(&b, "%-62s", o)
		for chunk := range slices.Chunk(rows[o], len(objects)) {
			fmt.Fprintf(&b, " %s", strings.Join(chunk, " "))
		}
		b.WriteByte('\n')
	}
	if *update {
		must(t, os.WriteFile(matrixFile, []byte(b.String()), 0o600))
		return
	}
	want, err := os.ReadFile(matrixFile)
	must(t, err)
	if diff := gocmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("who may do what has changed (-want +got); -update rewrites it:\n%s", diff)
	}
}

func padded(names []string) []string {
	result := make([]string, 0, len(names))
	for _, n := range names {
		result = append(result, fmt.Sprintf("%-15s", n))
	}
	return result
}

// world is an installation with one caller and one of everything to act on.
type world struct {
	*installation

	token string
	own   string // the id of the caller
	fill  map[string]string
}

func newWorld(t *testing.T, caller, object string) *world {
	t.Helper()
	w := &world{installation: install(t, kit.Options{})}
	_, err := w.Access.CreateRole(t.Context(), domain.Operator(),
		access.RoleInput{ID: "helpdesk", Name: "Help desk", Permissions: []string{"users.manage", "profile.edit"}})
	must(t, err)
	_, err = w.Access.CreateGroup(t.Context(), domain.Operator(), access.GroupInput{Name: "team"})
	must(t, err)
	own := w.person(t, "caller", map[string]string{"auditor": "auditor", "helpdesk": "helpdesk", "admin": "admin"}[caller])
	w.own = own.id
	w.token = map[string]string{"anonymous": "", "garbage": "garbage"}[caller]
	if caller != "anonymous" && caller != "garbage" {
		w.token = own.token
	}
	if caller == "key" {
		w.token = w.call(t, own.token, http.MethodPost, "/users/"+own.id+"/api-keys",
			`{"name":"k","permissions":["bots.use","profile.edit"]}`).text("api_key")
	}
	target := own
	switch object {
	case "other":
		target = w.person(t, "other", "")
	case "above":
		target = w.person(t, "above", "admin")
	case "absent":
		target = person{
			id: "usr_00000000000000000000000000", session: "sess_00000000000000000000000000",
			key: "key_00000000000000000000000000",
		}
	}
	group, role := "team", "helpdesk"
	if object == "absent" {
		group, role = "absent", "absent"
	}
	directory, token := "local", w.thirdPartyToken(t)
	if object == "absent" {
		directory, token = "absent", "tpt_00000000000000000000000000"
	}
	w.fill = map[string]string{
		"{user_id}": target.id, "{session_id}": target.session, "{key_id}": target.key, "{group_id}": group,
		"{role_id}": role, "{permission}": "bots.use",
		"{identity_id}": "local", "{directory_id}": directory, "{token_id}": token,
		"{provider}": "corp",
	}
	return w
}

func (w *world) thirdPartyToken(t *testing.T) string {
	t.Helper()
	made, err := w.TPT.Create(t.Context(), domain.Operator(), domain.RoleUser)
	must(t, err)
	return made.ID
}

type person struct{ id, token, session, key string }

func (w *world) person(t *testing.T, name, role string) person {
	t.Helper()
	p := person{id: string(w.Register(t, name, userPassword, role).ID)}
	p.token = w.token2(t, name)
	r := w.call(t, "", http.MethodPost, "/auth/login", `{"username":"`+name+`","password":"`+userPassword+`"}`)
	p.session = r.text("session_id")
	p.key = w.call(t, p.token, http.MethodPost, "/users/"+p.id+"/api-keys", `{"name":"k","permissions":[]}`).text("key_id")
	if p.key == "" {
		permission := "bots.use"
		if role == "helpdesk" || role == "auditor" {
			permission = "profile.edit"
		}
		if role == "admin" {
			permission = "bots.manage"
		}
		p.key = w.call(t, p.token, http.MethodPost, "/users/"+p.id+"/api-keys",
			`{"name":"k","permissions":["`+permission+`"]}`).text("key_id")
	}
	return p
}

func (w *world) token2(t *testing.T, name string) string {
	t.Helper()
	return w.installation.token(t, name, userPassword)
}

// last are the calls that end what the others need, in the order of the harm they do.
var last = []string{
	"POST /users/{user_id}/unlock", "DELETE /groups/{group_id}/members/{user_id}", "DELETE /groups/{group_id}",
	"PATCH /roles/{role_id}",
	"DELETE /roles/{role_id}", "PATCH /users/{user_id}", "POST /users/{user_id}/roles", "DELETE /api-keys/{key_id}",
	"DELETE /sessions/{session_id}",
	"POST /users/{user_id}/2fa/disable", "POST /users/{user_id}/password", "PUT /users/{user_id}/password",
	"POST /users/{user_id}/sessions/revoke-all", "DELETE /users/{user_id}",
	"POST /auth/oidc/logout", "POST /auth/logout",
}

// operations lists the calls in the order in which they can be made one after another.
func (w *world) operations() []string {
	var all []string
	for _, o := range w.check.Operations() {
		if path, ok := strings.CutPrefix(o.Path, securityapi.Base); ok && !o.SocketOnly {
			all = append(all, o.Method+" "+path)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		if n := slices.Index(last, a) - slices.Index(last, b); n != 0 {
			return n
		}
		_, pathA, _ := strings.Cut(a, " ")
		_, pathB, _ := strings.Cut(b, " ")
		return cmp.Or(cmp.Compare(pathA, pathB), cmp.Compare(a, b))
	})
	return all
}

// bodies are right ones; a call without a line here takes none.
var bodies = map[string]string{
	"POST /users": `{"username":"new","email":"new@example.com"}`,
	"POST /setup": `{"token":"t","username":"x","email":"x@example.com","password":"` +
		userPassword + `"}`,
	"PATCH /users/{user_id}":      `{"full_name":"Changed"}`,
	"POST /users/{user_id}/roles": `{"role_id":"guest"}`,
	"POST /users/{user_id}/password": `{"current_password":"` + userPassword + `","new_password":"New-` +
		userPassword + `"}`,
	"PUT /users/{user_id}/password":               `{"new_password":"Newest-` + userPassword + `"}`,
	"POST /users/{user_id}/api-keys":              `{"name":"k","permissions":["profile.edit"]}`,
	"POST /users/{user_id}/2fa/verify":            `{"code":"000000"}`,
	"POST /auth/login":                            `{"username":"nobody","password":"x"}`,
	"POST /auth/refresh":                          `{"refresh_token":"x"}`,
	"POST /auth/logout":                           `{"refresh_token":"x"}`,
	"POST /auth/oidc/{provider}/link":             `{"redirect_uri":"` + kit.AppURL + `"}`,
	"POST /auth/oidc/token":                       `{"code":"x"}`,
	"POST /auth/oidc/logout":                      `{"refresh_token":"x"}`,
	"POST /auth/introspect":                       `{"token":"x"}`,
	"POST /auth/password/reset-request":           `{"email":"nobody@example.com"}`,
	"POST /auth/password/reset":                   `{"token":"x","new_password":"` + userPassword + `"}`,
	"POST /auth/email/confirm":                    `{"token":"x"}`,
	"POST /roles":                                 `{"role_id":"made","name":"Made","permissions":["made.use"]}`,
	"PATCH /roles/{role_id}":                      `{"name":"Changed"}`,
	"POST /permissions/check":                     `{"user_id":"{user_id}","permissions":["bots.use"]}`,
	"POST /groups":                                `{"name":"made"}`,
	"PATCH /groups/{group_id}":                    `{"description":"Changed"}`,
	"POST /groups/{group_id}/members":             `{"user_id":"{user_id}"}`,
	"PATCH /settings/security":                    `{"session_policy":{"max_sessions":6}}`,
	"POST /third-party-tokens":                    `{"role":"guest"}`,
	"POST /third-party-tokens/verify":             `{"token":"x"}`,
	"POST /directories/{directory_id}/test-login": `{"login":"x","password":"x"}`,
	"POST /directories/{directory_id}/sync":       `{"digest":"x"}`,
	"POST /imports":                               `{"username":"imported","email":"imported@example.com"}`,
	"POST /audit/export":                          `{"format":"nonsense"}`,
}

func (w *world) status(t *testing.T, operation string) string {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	body := bodies[operation]
	for name, value := range w.fill {
		path, body = strings.ReplaceAll(path, name, value), strings.ReplaceAll(body, name, value)
	}
	r := w.call(t, w.token, method, path, body)
	if r.status >= http.StatusInternalServerError {
		t.Errorf("%s: %d %s", operation, r.status, r.body)
	}
	return strconv.Itoa(r.status)
}
