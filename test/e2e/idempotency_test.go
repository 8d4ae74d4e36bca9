package e2e_test

import (
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
	kept := idempotency.New(in.Store.Guards(), in.Sealer, in.Clock)
	body := `{"name":"team"}`
	verified := in.call(t, in.admin, http.MethodGet, "/auth/verify", "")
	by := domain.Principal{
		Kind: domain.PrincipalUser, UserID: domain.UserID(verified.text("user_id")),
		SessionID: domain.SessionID(verified.text("session_id")),
	}
	run, first, err := kept.Begin(t.Context(), by, idempotency.Request{
		Route: "POST " + securityapi.Base + "/groups", Key: "once", Body: []byte(body),
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
	must(t, run.Complete(t.Context(), idempotency.Answer{Status: http.StatusCreated, Location: securityapi.Base + "/groups/grp_1", Body: []byte(answer)}))
	if r := <-waits; r.status != http.StatusCreated || r.body != answer || r.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %s", r.status, r.body)
	}
}
