package nodes_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// TestPausedNodeAcceptsNoRevokedSession stops the process of a node that has sessions and keys in memory, ends them on
// the other one, and lets the process continue with requests that were sent to it after the answer.
func TestPausedNodeAcceptsNoRevokedSession(t *testing.T) {
	t.Parallel()
	onEach(t, pausedNodeAcceptsNoRevokedSession)
}

func pausedNodeAcceptsNoRevokedSession(t *testing.T, nodes []*node) {
	t.Helper()
	const rounds = 3
	running, paused := nodes[0], nodes[1]
	t.Cleanup(func() { _ = paused.process.Signal("CONT") }) // so that it stops after a failure
	admin := running.signIn(t, adminName, adminPassword)
	running.must(t, http.StatusOK, admin, http.MethodPatch, "/settings/security", `{"session_policy":{"max_sessions":5}}`)
	for round := range rounds {
		s := &story{nodes: nodes, admin: admin, name: "p" + strconv.Itoa(round)}
		s.id = running.user(t, admin, s.name)
		passes := append(s.signedIn(t, maxSessions), s.newKeys(t, maxSessions)...)
		for range 5 { // the second time from memory
			for _, p := range passes {
				if !p.opens(t, paused) {
					t.Fatalf("%s is refused before it ended", p.path)
				}
			}
		}
		must(t, paused.process.Signal("STOP"))
		running.must(t, http.StatusOK, admin, http.MethodPatch, "/users/"+s.id, `{"status":"deactivated"}`)
		var requests sync.WaitGroup
		for _, p := range passes {
			requests.Go(func() {
				if p.opensLate(t, paused) {
					t.Errorf("the node accepts %s, which ended while it was stopped", p.path)
				}
			})
		}
		must(t, paused.process.Signal("CONT"))
		requests.Wait()
	}
}

// opensLate is opens on a node that may have lost its connections.
func (p pass) opensLate(t *testing.T, n *node) bool {
	t.Helper()
	a, err := n.call(t.Context(), p.token, http.MethodGet, p.path, "")
	if err != nil {
		t.Errorf("GET %s on %s: %v", p.path, n.name, err)
	}
	if err == nil && a.status != http.StatusOK && a.status != p.refused && a.status != http.StatusServiceUnavailable {
		t.Errorf("GET %s on %s = %d %v", p.path, n.name, a.status, a.object)
	}
	return err == nil && a.status == http.StatusOK
}
