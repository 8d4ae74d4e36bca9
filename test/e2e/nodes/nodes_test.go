package nodes_test

import (
	"fmt"
	"net/http"
	"testing"
)

func TestUserChangesTakeEffectAcrossProcesses(t *testing.T) {
	t.Parallel()
	onEach(t, userChangesTakeEffectAcrossProcesses)
}

func userChangesTakeEffectAcrossProcesses(t *testing.T, nodes []*node) {
	t.Helper()
	admin := nodes[0].signIn(t, adminName, adminPassword)
	id := nodes[0].user(t, admin, "grace")
	token := nodes[1].signIn(t, "grace", userPassword)
	nodes[1].must(t, http.StatusForbidden, token, http.MethodGet, "/audit/logs", "")
	for i := range 20 {
		here, there := nodes[i%2], nodes[(i+1)%2]
		role, want := "auditor", http.StatusOK
		if i%2 == 1 {
			role, want = "user", http.StatusForbidden
		}
		here.must(t, http.StatusOK, admin, http.MethodPatch, "/users/"+id, fmt.Sprintf(`{"role":%q}`, role))
		there.must(t, want, token, http.MethodGet, "/audit/logs", "")
	}
	nodes[0].must(t, http.StatusOK, admin, http.MethodDelete, "/users/"+id, "")
	nodes[1].must(t, http.StatusUnauthorized, token, http.MethodGet, "/auth/verify", "")
	nodes[1].must(t, http.StatusUnauthorized, "", http.MethodPost, "/auth/login", login("grace", userPassword))
}

func TestFailuresAreCountedAcrossProcesses(t *testing.T) {
	t.Parallel()
	onEach(t, failuresAreCountedAcrossProcesses)
}

func failuresAreCountedAcrossProcesses(t *testing.T, nodes []*node) {
	t.Helper()
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].user(t, admin, "lin")
	for i := range 5 {
		nodes[i%2].must(t, http.StatusUnauthorized, "", http.MethodPost, "/auth/login", login("lin", "Wrong-Horse-7-Battery"))
	}
	for _, n := range nodes {
		n.must(t, http.StatusLocked, "", http.MethodPost, "/auth/login", login("lin", userPassword))
	}
}
