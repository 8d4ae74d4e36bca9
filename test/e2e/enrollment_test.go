package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/test/kit"
)

// TestUsersWithARequiredFactorCanOnlyEnroll puts administrators under the duty while one is signed in: from the
// next request on they can do nothing but set one up, and everything again once they have. The session that switched
// the duty on keeps its rights for a while.
func TestUsersWithARequiredFactorCanOnlyEnroll(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	me := in.call(t, in.admin, http.MethodGet, "/auth/verify", "").text("user_id")
	live := in.token(t, "admin", adminPassword)
	r := in.call(t, in.admin, http.MethodPatch, "/settings/security", `{"two_factor":{"enabled":true}}`)
	if r.status != http.StatusOK || !strings.Contains(r.body, `"1 of 1 administrators have no second factor`) {
		t.Fatalf("settings: %d %s", r.status, r.body)
	}
	r = in.call(t, in.admin, http.MethodGet, "/settings/security", "")
	if r.status != http.StatusOK || strings.Contains(r.body, "warnings") {
		t.Errorf("the session that switched the duty on: %d %s", r.status, r.body)
	}
	login := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"admin","password":"`+adminPassword+`"}`)
	if login.text("scope") != "two_factor_enrollment" {
		t.Errorf("login: %d %s", login.status, login.body)
	}
	for name, token := range map[string]string{"a live session": live, "a new one": login.text("access_token")} {
		for _, call := range [][2]string{
			{http.MethodGet, "/users"},
			{http.MethodGet, "/users/" + me},
			{http.MethodGet, "/roles"},
			{http.MethodGet, "/settings/security"},
			{http.MethodPost, "/users/" + me + "/2fa/disable"},
			{http.MethodPost, "/users/" + me + "/sessions/revoke-all"},
			{http.MethodGet, "/audit/logs"},
			{http.MethodGet, "/users/" + me + "/api-keys"},
			{http.MethodGet, "/auth/verify"},
		} {
			if r := in.call(t, token, call[0], call[1], ""); r.status != http.StatusForbidden ||
				r.text("error") != "two_factor_enrollment_required" {
				t.Errorf("%s: %s %s: %d %s", name, call[0], call[1], r.status, r.body)
			}
		}
	}
	token := login.text("access_token")
	setup := in.call(t, token, http.MethodPost, "/users/"+me+"/2fa/enable", "")
	code, err := totp.GenerateCode(setup.text("secret"), in.Clock.Now())
	must(t, err)
	if r := in.call(t, token, http.MethodPost, "/users/"+me+"/2fa/verify",
		`{"code":"`+code+`"}`); r.status != http.StatusOK {
		t.Fatalf("verify: %d %s", r.status, r.body)
	}
	if r := in.call(t, token, http.MethodGet, "/users", ""); r.status != http.StatusOK {
		t.Errorf("after enrolment: %d %s", r.status, r.body)
	}
}

// TestUnsatisfiableFactorRequirementIsRefused asks for codes by SMS alone where no gateway is configured.
func TestUnsatisfiableFactorRequirementIsRefused(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{NoSMS: true})
	r := in.call(t, in.admin, http.MethodPatch, "/settings/security", `{"two_factor":{"enabled":true,"methods":["sms"]}}`)
	if r.status != http.StatusConflict || r.text("error") != "would_lock_out" {
		t.Errorf("%d %s", r.status, r.body)
	}
	r = in.call(t, in.admin, http.MethodGet, "/settings/security", "")
	if r.status != http.StatusOK || !strings.Contains(r.body, `"enabled":false`) {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
}
