package e2e_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/idempotency"
	"github.com/ostiary/ostiary/test/kit"
)

// TestARepeatedRequestWaitsForTheFirst sends the second request while the first is under way or has just been answered.
func TestARepeatedRequestWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	kept := idempotency.New(in.Store.IdempotencyStore(), in.Sealer, in.Clock)
	body := `{"name":"team"}`
	verified := in.call(t, in.admin, http.MethodGet, "/auth/verify", "")
	by := domain.Principal{
		Kind: domain.PrincipalUser, UserID: domain.UserID(verified.text("user_id")),
		SessionID: domain.SessionID(verified.text("session_id")),
	}
	run, first, err := kept.Begin(t.Context(), by, idempotency.Request{
		Operation: "POST " + securityapi.Base + "/groups", Key: "once", Body: []byte(body),
	})
	must(t, err)
	if run == nil || first != nil {
		t.Fatal("the key was taken")
	}
	waits := make(chan reply)
	go func() {
		header := http.Header{"Authorization": {"Bearer " + in.admin}, "Idempotency-Key": {"once"}}
		waits <- in.do(t, http.MethodPost, securityapi.Base+"/groups", body, header)
	}()
	answer := `{"group_id":"grp_1","name":"team","description":"","permissions":[],"created_at":"2026-03-02T12:00:00Z"}`
	stored := `{"s":201,"l":"/api/v1/security/groups/grp_1","b":"` + base64.StdEncoding.EncodeToString([]byte(answer)) +
		`"}`
	must(t, run.Complete(t.Context(), []byte(stored))) // the stored form must not change
	if r := <-waits; r.status != http.StatusCreated || r.body != answer ||
		r.header.Get("Idempotency-Replayed") != "true" ||
		r.header.Get("Location") != securityapi.Base+"/groups/grp_1" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestAStoredResponseTakesThePermissionOfTheCall repeats the creation of an API key, whose answer holds the secret,
// after the principal has lost the right to make it.
func TestAStoredResponseTakesThePermissionOfTheCall(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.desk(t)
	agent := string(in.Register(t, "agent", userPassword, "desk").ID)
	owner := string(in.Register(t, "owner", userPassword, "user").ID)
	header := http.Header{"Authorization": {"Bearer " + in.token(t, "agent", userPassword)}, "Idempotency-Key": {"once"}}
	create := func() reply {
		t.Helper()
		return in.do(t, http.MethodPost, securityapi.Base+"/users/"+owner+"/api-keys",
			`{"name":"k","permissions":["bots.use"]}`, header)
	}
	made, again := create(), create()
	if made.status != http.StatusCreated || again.status != http.StatusCreated ||
		again.text("api_key") != made.text("api_key") {
		t.Fatalf("with the permission: %d %s, then %d %s", made.status, made.body, again.status, again.body)
	}
	if r := in.call(t, in.admin, http.MethodPost, "/users/"+agent+"/roles",
		`{"role_id":"user"}`); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := create(); r.status != http.StatusNotFound {
		t.Errorf("without the permission: %d %s", r.status, r.body)
	}
}
