package nodes_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// revokes is how many sessions are ended under fire; OSTIARY_TEST_REVOKES sets another number.
func revokes(t *testing.T) int {
	t.Helper()
	text := os.Getenv("OSTIARY_TEST_REVOKES")
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("OSTIARY_TEST_REVOKES: %v", err)
	}
	return n
}

// A verify that starts after the revoke was answered is refused, on every node.
func TestS04_TwoProcessesKeepThePromise(t *testing.T) {
	t.Parallel()
	nodes := start(t, 2)
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].user(t, admin, "ada")
	var verifies, late atomic.Int64
	for i := range revokes(t) {
		here := nodes[i%2]
		token := nodes[(i/2)%2].signIn(t, "ada", userPassword)
		live := here.must(t, http.StatusOK, token, http.MethodGet, "/auth/verify", "")
		var told, over atomic.Bool
		var group sync.WaitGroup
		for _, n := range nodes {
			for range 2 {
				group.Go(func() {
					for !over.Load() {
						started := told.Load()
						a, err := n.call(t.Context(), token, http.MethodGet, "/auth/verify", "")
						if err != nil {
							t.Errorf("verifying on %s: %v", n.name, err)
							return
						}
						verifies.Add(1)
						if started {
							late.Add(1)
						}
						if a.status == http.StatusOK && started {
							t.Errorf("revoke %d: a verify on %s that started after the answer was let through", i, n.name)
						}
					}
				})
			}
		}
		end(t, here, token, live.text("session_id"), i)
		told.Store(true)
		for range 5 {
			for _, n := range nodes {
				n.must(t, http.StatusUnauthorized, token, http.MethodGet, "/auth/verify", "")
			}
		}
		over.Store(true)
		group.Wait()
	}
	t.Logf("%d revokes, %d verifies beside them, %d of which began after the answer", revokes(t), verifies.Load(), late.Load())
}

// end ends a session in one of the ways that there are.
func end(t *testing.T, n *node, token, session string, way int) {
	t.Helper()
	if way%3 == 0 {
		n.must(t, http.StatusOK, token, http.MethodPost, "/auth/logout", "")
		return
	}
	a, err := n.call(t.Context(), token, http.MethodDelete, "/sessions/"+session, "")
	if err != nil || a.status/100 != 2 {
		t.Fatalf("ending the session = %d %v, %v", a.status, a.object, err)
	}
}

func TestA19_S03_TwoProcessesSeeEachOthersChangesOfUsersAtOnce(t *testing.T) {
	t.Parallel()
	nodes := start(t, 2)
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

func TestA03_TwoProcessesCountFailuresTogether(t *testing.T) {
	t.Parallel()
	nodes := start(t, 2)
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].user(t, admin, "lin")
	for i := range 5 {
		nodes[i%2].must(t, http.StatusUnauthorized, "", http.MethodPost, "/auth/login", login("lin", "Wrong-Horse-7-Battery"))
	}
	for _, n := range nodes {
		n.must(t, http.StatusLocked, "", http.MethodPost, "/auth/login", login("lin", userPassword))
	}
}
