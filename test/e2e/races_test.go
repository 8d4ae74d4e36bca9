package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/test/kit"
)

func TestTwoAdministratorsCannotRemoveEachOther(t *testing.T) {
	t.Parallel()
	for range 5 {
		in := install(t, kit.Options{})
		second := in.Register(t, "second", userPassword, "admin")
		token := in.token(t, "second", userPassword)
		first := in.call(t, in.admin, http.MethodGet, "/auth/verify", "").text("user_id")
		replies := together(2, func(i int) reply {
			if i == 0 {
				return in.call(t, in.admin, http.MethodPost, "/users/"+string(second.ID)+"/roles", `{"role_id":"user"}`)
			}
			return in.call(t, token, http.MethodPatch, "/users/"+first, `{"role":"user"}`)
		})
		if n := count(replies, http.StatusOK); n != 1 {
			t.Errorf("%d of two were removed: %s", n, statuses(replies))
		}
	}
}

func TestDailyKeyLimitUnderARace(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	token := in.token(t, "john", userPassword)
	replies := together(30, func(i int) reply {
		return in.call(t, token, http.MethodPost, "/users/"+string(user.ID)+"/api-keys",
			fmt.Sprintf(`{"name":"k%d","permissions":["bots.use"]}`, i))
	})
	if count(replies, http.StatusCreated) != 10 || count(replies, http.StatusTooManyRequests) != 20 {
		t.Errorf("answers %s, %d made", statuses(replies), count(replies, http.StatusCreated))
	}
}

func TestOneIdempotencyKeyMakesOneUser(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	header := http.Header{"Authorization": {"Bearer " + in.admin}, "Idempotency-Key": {"once"}}
	replies := together(20, func(int) reply {
		return in.do(t, http.MethodPost, securityapi.Base+"/users", `{"username":"john","email":"john@example.com"}`, header)
	})
	made := map[string]bool{}
	for _, r := range replies {
		switch {
		case r.status == http.StatusCreated:
			made[r.body] = true
		// on a machine so busy that the first takes longer than the others wait
		case !strings.Contains(r.body, "has no answer yet"):
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if len(made) != 1 {
		t.Errorf("%d different answers", len(made))
	}
	again := in.do(t, http.MethodPost, securityapi.Base+"/users", `{"username":"john","email":"john@example.com"}`, header)
	if again.status != http.StatusCreated || !made[again.body] {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	in.Clock.Forward(25 * time.Hour)
	header.Set("Authorization", "Bearer "+in.token(t, "admin", adminPassword))
	if late := in.do(t, http.MethodPost, securityapi.Base+"/users", `{"username":"john","email":"john@example.com"}`,
		header); late.status != http.StatusConflict {
		t.Errorf("a day later: %d %s", late.status, late.body)
	}
}

func TestCodeWorksOnce(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	user := in.Register(t, "john", userPassword, "")
	token := in.token(t, "john", userPassword)
	setup := in.call(t, token, http.MethodPost, "/users/"+string(user.ID)+"/2fa/enable", "")
	code := func() string {
		text, err := totp.GenerateCode(setup.text("secret"), in.Clock.Now())
		must(t, err)
		return text
	}
	if r := in.call(t, token, http.MethodPost, "/users/"+string(user.ID)+"/2fa/verify",
		`{"code":"`+code()+`"}`); r.object["two_factor_enabled"] != true {
		t.Fatalf("verify: %d %s", r.status, r.body)
	}
	login := func(code string) reply {
		return in.call(t, "", http.MethodPost, "/auth/login",
			`{"username":"john","password":"`+userPassword+`","two_factor_code":"`+code+`"}`)
	}
	asked := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"john","password":"`+userPassword+`"}`)
	if asked.text("error") != "two_factor_required" || !strings.Contains(asked.body, `"methods":["totp","backup_code"]`) {
		t.Errorf("without a code: %d %s", asked.status, asked.body)
	}
	if r := login(code()); r.text("error") != "invalid_two_factor_code" {
		t.Errorf("the code of the enrolment again: %d %s", r.status, r.body)
	}
	in.Clock.Forward(time.Minute)
	replies := together(4, func(int) reply { return login(code()) })
	if count(replies, http.StatusOK) != 1 {
		t.Errorf("answers %s, %d times 200", statuses(replies), count(replies, http.StatusOK))
	}
}
