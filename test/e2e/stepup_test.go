package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// sensitive are the calls that need a recent proof of identity where the settings ask for one, each on things of its
// own. %s is the administrator's id; names in braces are made by prepare.
var sensitive = map[string][3]string{
	"making a key of one's own": {
		http.MethodPost, "/users/%s/api-keys",
		`{"name":"k","permissions":["bots.manage"]}`,
	},
	"making a key for another": {
		http.MethodPost, "/users/{keyed}/api-keys",
		`{"name":"k","permissions":["bots.use"]}`,
	},
	"changing one's own e-mail": {http.MethodPatch, "/users/%s", `{"email":"root@example.com"}`},
	"changing another's e-mail": {
		http.MethodPatch, "/users/{mailed}",
		`{"email":"changed@example.com"}`,
	},
	"giving a role by PATCH": {http.MethodPatch, "/users/{promoted}", `{"role":"auditor"}`},
	"giving a role":          {http.MethodPost, "/users/{roled}/roles", `{"role_id":"admin"}`},
	"giving groups by PATCH": {http.MethodPatch, "/users/{grouped}", `{"groups":["desk"]}`},
	"adding to a group":      {http.MethodPost, "/groups/desk/members", `{"user_id":"{added}"}`},
	"inviting an administrator": {
		http.MethodPost, "/users",
		`{"username":"invited","email":"invited@example.com","role":"admin"}`,
	},
	"creating a user in an administrative group": {
		http.MethodPost, "/users",
		`{"username":"made","email":"made@example.com","groups":["desk"]}`,
	},
	"creating an administrative role": {
		http.MethodPost, "/roles",
		`{"role_id":"lead","name":"Lead","permissions":["users.read"]}`,
	},
	"creating a role of an administrator's level": {
		http.MethodPost, "/roles",
		`{"role_id":"high","name":"High","permissions":[],"level":1}`,
	},
	"giving a role a right": {http.MethodPatch, "/roles/plain", `{"permissions":["users.read"]}`},
	"creating an administrative group": {
		http.MethodPost, "/groups",
		`{"name":"leads","permissions":["audit.read"]}`,
	},
	"giving a group a right":                 {http.MethodPatch, "/groups/plain", `{"permissions":["audit.read"]}`},
	"activating a deactivated administrator": {http.MethodPatch, "/users/{former}", `{"status":"active"}`},
	"purging":                                {http.MethodDelete, "/users/{purged}?purge=true", ""},
	"switching another's factor off":         {http.MethodPost, "/users/{enrolled}/2fa/disable", ""},
	"switching the rule off": {
		http.MethodPatch, "/settings/security",
		`{"session_policy":{"reauthenticate_minutes":0}}`,
	},
}

// harmless are calls of the same kinds that grant no administrative right.
var harmless = map[string][3]string{
	"a name":                 {http.MethodPatch, "/users/{mailed}", `{"full_name":"A Name"}`},
	"the e-mail that is":     {http.MethodPatch, "/users/{keyed}", `{"email":"keyed@example.com"}`},
	"a role without rights":  {http.MethodPatch, "/users/{promoted}", `{"role":"guest"}`},
	"a user":                 {http.MethodPost, "/users", `{"username":"plain","email":"plain@example.com"}`},
	"a group without rights": {http.MethodPost, "/groups", `{"name":"readers","permissions":["kb.read"]}`},
	"a role of other services": {
		http.MethodPost, "/roles",
		`{"role_id":"writer","name":"Writer","permissions":["kb.edit"]}`,
	},
	"a description":  {http.MethodPatch, "/groups/desk", `{"description":"The desk"}`},
	"a deactivation": {http.MethodDelete, "/users/{roled}", ""},
	"tightening the rule": {
		http.MethodPatch, "/settings/security",
		`{"session_policy":{"reauthenticate_minutes":4}}`,
	},
	"another setting":                 {http.MethodPatch, "/settings/security", `{"session_policy":{"max_sessions":20}}`},
	"signing everybody of a user out": {http.MethodPost, "/users/{keyed}/sessions/revoke-all", ""},
}

// stepUpWorld is an installation that asks for a proof of the last five minutes, and an administrator who signed in
// before.
type stepUpWorld struct {
	*installation

	me  string
	ids *strings.Replacer
}

func newStepUpWorld(t *testing.T, minutes int) *stepUpWorld {
	t.Helper()
	in := install(t, kit.Options{})
	w := &stepUpWorld{installation: in, me: in.call(t, in.admin, http.MethodGet, "/auth/verify", "").text("user_id")}
	var ids []string
	for _, name := range []string{
		"keyed", "mailed", "promoted", "roled", "grouped", "added", "purged", "enrolled",
		"former",
	} {
		role := "user"
		if name == "former" {
			role = "admin"
		}
		ids = append(ids, "{"+name+"}", string(in.Register(t, name, userPassword, role).ID))
	}
	w.ids = strings.NewReplacer(ids...)
	for _, c := range [][3]string{
		{http.MethodPost, "/groups", `{"name":"desk","permissions":["users.read"]}`},
		{http.MethodPost, "/groups", `{"name":"plain","permissions":["kb.read"]}`},
		{http.MethodPost, "/roles", `{"role_id":"plain","name":"Plain","permissions":["kb.read"]}`},
		{http.MethodDelete, "/users/{former}", ""},
		{http.MethodPatch, "/settings/security", fmt.Sprintf(`{"session_policy":{"reauthenticate_minutes":%d}}`, minutes)},
	} {
		if r := w.run(t, in.admin, c); r.status/100 != 2 {
			t.Fatalf("%s %s: %s", c[0], c[1], r.body)
		}
	}
	in.Clock.Forward(6 * time.Minute)
	return w
}

// run makes one of the calls with a credential.
func (w *stepUpWorld) run(t *testing.T, token string, c [3]string) reply {
	t.Helper()
	path := c[1]
	if strings.Contains(path, "%s") {
		path = fmt.Sprintf(path, w.me)
	}
	return w.call(t, token, c[0], w.ids.Replace(path), w.ids.Replace(c[2]))
}

func TestSensitiveOperationsNeedARecentProofWhereTheSettingsAskForIt(t *testing.T) {
	t.Parallel()
	w := newStepUpWorld(t, 5)
	for name, c := range harmless {
		if r := w.run(t, w.admin, c); r.status/100 != 2 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	before := len(w.Entries(t))
	for name, c := range sensitive {
		if r := w.run(t, w.admin, c); r.status != http.StatusForbidden || r.text("error") != "reauthentication_required" {
			t.Errorf("%s with an old sign-in: %d %s", name, r.status, r.body)
		}
	}
	if after := len(w.Entries(t)); after != before {
		t.Errorf("refused operations left %d entries", after-before)
	}
	r := w.call(t, w.admin, http.MethodPost, "/auth/step-up", `{"password":"`+adminPassword+`"}`)
	if r.status != http.StatusOK || r.text("status") != "reauthenticated" ||
		r.text("auth_time") != w.Clock.Now().Format(time.RFC3339) {
		t.Fatalf("stepping up: %d %s", r.status, r.body)
	}
	for name, c := range sensitive { // with the access token of before
		if name == "switching the rule off" {
			continue
		}
		if r := w.run(t, w.admin, c); r.status/100 != 2 {
			t.Errorf("%s after the step-up: %d %s", name, r.status, r.body)
		}
	}
	if r := w.run(t, w.admin, sensitive["switching the rule off"]); r.status != http.StatusOK {
		t.Errorf("switching the rule off: %d %s", r.status, r.body)
	}
}

func TestWithoutTheSettingAnOldSignInIsEnough(t *testing.T) {
	t.Parallel()
	w := newStepUpWorld(t, 0)
	for name, c := range sensitive {
		if r := w.run(t, w.admin, c); r.status/100 != 2 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestAPIKeyCannotStepUp(t *testing.T) {
	t.Parallel()
	w := newStepUpWorld(t, 0)
	admin, err := w.Auth.Authenticate(t.Context(), w.admin, kit.Origin)
	must(t, err)
	var permissions []string
	for _, p := range admin.Grants.Permissions() {
		if !strings.HasSuffix(string(p), "*") {
			permissions = append(permissions, string(p))
		}
	}
	key, err := w.Keys.Create(t.Context(), admin, admin.UserID, apikey.CreateInput{Name: "k", Permissions: permissions})
	must(t, err)
	r := w.call(t, w.admin, http.MethodPatch, "/settings/security", `{"session_policy":{"reauthenticate_minutes":5}}`)
	if r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	for name, c := range sensitive {
		if strings.Contains(c[1], "%s") {
			continue // a key's own owner is another rule
		}
		if r := w.run(t, key.Text, c); r.status != http.StatusForbidden || r.text("error") != "reauthentication_required" {
			t.Errorf("%s by a key: %d %s", name, r.status, r.body)
		}
	}
	if r := w.call(t, key.Text, http.MethodPost, "/auth/step-up",
		`{"password":"`+adminPassword+`"}`); r.text("error") != "reauthentication_required" {
		t.Errorf("a step-up by a key: %d %s", r.status, r.body)
	}
	if got := len(w.Logged(t, domain.ActionStepUp)); got != 0 {
		t.Errorf("%d entries of a step-up by a key", got)
	}
}

// TestAUserWithASecondFactorStepsUpByItAlone also switches the factor off, which takes the proof.
func TestAUserWithASecondFactorStepsUpByItAlone(t *testing.T) {
	t.Parallel()
	w := newStepUpWorld(t, 5)
	token := w.token(t, "keyed", userPassword)
	own := "/users/" + w.ids.Replace("{keyed}") + "/2fa/"
	setup := w.call(t, token, http.MethodPost, own+"enable", "")
	code := func() string {
		w.Clock.Forward(30 * time.Second)
		code, err := totp.GenerateCode(setup.text("secret"), w.Clock.Now())
		must(t, err)
		return code
	}
	if r := w.call(t, token, http.MethodPost, own+"verify", `{"code":"`+code()+`"}`); r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	w.Clock.Forward(5 * time.Minute)
	refused := func(what, path, body string) {
		t.Helper()
		if r := w.call(t, token, http.MethodPost, path, body); r.status != http.StatusForbidden ||
			r.text("error") != "reauthentication_required" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	refused("switching off without a proof", own+"disable", "")
	refused("switching off by the password alone", own+"disable", `{"password":"`+userPassword+`"}`)
	refused("stepping up without a proof", "/auth/step-up", "")
	refused("stepping up by the password alone", "/auth/step-up", `{"password":"`+userPassword+`"}`)
	if r := w.call(t, token, http.MethodPost, "/auth/step-up",
		`{"two_factor_code":"000000"}`); r.status != http.StatusBadRequest || r.text("error") != "invalid_two_factor_code" {
		t.Errorf("stepping up by a wrong code: %d %s", r.status, r.body)
	}
	if r := w.call(t, token, http.MethodPost, "/auth/step-up",
		`{"two_factor_code":"`+code()+`"}`); r.status != http.StatusOK {
		t.Errorf("stepping up by a code: %d %s", r.status, r.body)
	}
	if r := w.call(t, token, http.MethodPost, own+"disable", ""); r.status != http.StatusOK {
		t.Errorf("switching off after the step-up: %d %s", r.status, r.body)
	}
	var outcomes []string
	for _, e := range w.Logged(t, domain.ActionStepUp) {
		outcomes = append(outcomes, fmt.Sprint(e.Success, " ", e.Details["reason"], " ", e.Details["method"]))
	}
	want := "[true <nil> totp false invalid_two_factor_code <nil> false reauthentication_required <nil>]"
	if got := fmt.Sprint(outcomes); got != want {
		t.Errorf("the audit log has %s, want %s", got, want)
	}
}
