package nodes_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	// storytellers is how many people are signed in and out at the same time.
	storytellers = 4
	// maxSessions is how many sessions one revoke ends. Most of what a round costs is the hashing of its sign-ins.
	maxSessions = 5
	// often is how often a round takes a permission away in one way.
	often = 12
)

// revokes is how many tokens, keys and permissions are ended under fire; OSTIARY_TEST_REVOKES sets another number.
func revokes(t *testing.T) int64 {
	t.Helper()
	text := os.Getenv("OSTIARY_TEST_REVOKES")
	if text == "" {
		return 1000
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("OSTIARY_TEST_REVOKES: %v", err)
	}
	return n
}

// A verify that starts after the revoke was answered is refused, on every node, whatever ended it and on whichever
// node.
func TestRevocationTakesEffectAcrossProcesses(t *testing.T) {
	t.Parallel()
	onEach(t, revocationTakesEffectAcrossProcesses)
}

func revocationTakesEffectAcrossProcesses(t *testing.T, nodes []*node) {
	t.Helper()
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].must(t, http.StatusOK, admin, http.MethodPatch, "/settings/security",
		fmt.Sprintf(`{"session_policy":{"max_sessions":%d},"password_policy":{"history_count":0}}`, maxSessions))
	answered := &tally{counts: map[string]int64{}, goal: revokes(t)}
	t.Run("people", func(t *testing.T) {
		for i := range storytellers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for round := 0; !answered.enough(); round++ {
					s := &story{nodes: nodes, admin: admin, name: fmt.Sprintf("p%dr%d", i, round), answered: answered, turn: i + round}
					s.tell(t)
				}
			})
		}
	})
	for _, way := range slices.Sorted(maps.Keys(answered.counts)) {
		t.Logf("%6d ended by %s", answered.counts[way], way)
	}
	t.Logf("%6d in all, with %d requests beside them, %d of which began after the answer", answered.sum(),
		answered.beside.Load(), answered.late.Load())
}

// tally counts what was ended.
type tally struct {
	mu           sync.Mutex
	counts       map[string]int64
	goal         int64
	beside, late atomic.Int64
}

func (y *tally) add(way string, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.counts[way] += int64(n)
}

func (y *tally) sum() int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	var n int64
	for _, count := range y.counts {
		n += count
	}
	return n
}

func (y *tally) enough() bool { return y.sum() >= y.goal }

// pass is something that opens a door: a token or a key, and the request that it opens.
type pass struct {
	token   string
	session string
	path    string
	refused int
}

func (p pass) opens(t *testing.T, n *node) bool {
	t.Helper()
	a, err := n.call(t.Context(), p.token, http.MethodGet, p.path, "")
	if err != nil {
		t.Errorf("GET %s on %s: %v", p.path, n.name, err)
		return false
	}
	if a.status != http.StatusOK && a.status != p.refused {
		t.Errorf("GET %s on %s = %d %v", p.path, n.name, a.status, a.object)
	}
	return a.status == http.StatusOK
}

// story is one person's life with every way in which something can end.
type story struct {
	nodes    []*node
	admin    string
	name     string
	id       string
	answered *tally
	turn     int
}

// here returns one node after the other, so that each way is answered by each of them.
func (s *story) here() *node {
	s.turn++
	return s.nodes[s.turn%len(s.nodes)]
}

func (s *story) tell(t *testing.T) {
	t.Helper()
	s.id = s.here().user(t, s.admin, s.name)
	for _, chapter := range []func(*testing.T){
		s.sessionByItself, s.sessionByID, s.allSessions, s.sessionsByNewPassword, s.sessionsByLimit, s.keys,
		s.permissionsByRole, s.permissionsByGroup, s.permissionsOfGroup, s.permissionsOfRole, s.everythingByDeactivation,
	} {
		if chapter(t); t.Failed() {
			return
		}
	}
}

// ends holds the promise: while act runs, both nodes are asked all the time; what is asked after its answer is refused.
func (s *story) ends(t *testing.T, way string, passes []pass, act func(*node)) {
	t.Helper()
	for i, p := range passes {
		if !p.opens(t, s.nodes[(s.turn+i)%len(s.nodes)]) {
			t.Fatalf("%s: %s is refused before it ended", way, p.path)
		}
	}
	var answered, over atomic.Bool
	var askers sync.WaitGroup
	for _, n := range s.nodes {
		askers.Go(func() {
			for i := 0; !over.Load(); i++ {
				after := answered.Load()
				s.answered.beside.Add(1)
				if after {
					s.answered.late.Add(1)
				}
				if passes[i%len(passes)].opens(t, n) && after {
					t.Errorf("%s: a request on %s that started after the answer was let through", way, n.name)
				}
			}
		})
	}
	act(s.here())
	answered.Store(true)
	var checks sync.WaitGroup
	for _, n := range s.nodes {
		checks.Go(func() {
			for _, p := range passes {
				if p.opens(t, n) {
					t.Errorf("%s: a request on %s that started after the answer was let through", way, n.name)
				}
			}
		})
	}
	checks.Wait()
	over.Store(true)
	askers.Wait()
	s.answered.add(way, len(passes))
}

// signedIn returns n new sessions.
func (s *story) signedIn(t *testing.T, n int) []pass {
	t.Helper()
	passes := make([]pass, n)
	for i := range passes {
		a := s.here().must(t, http.StatusOK, "", http.MethodPost, "/auth/login", login(s.name, userPassword))
		passes[i] = pass{
			token: a.text("access_token"), session: a.text("session_id"), path: "/auth/verify",
			refused: http.StatusUnauthorized,
		}
	}
	return passes
}

func (s *story) sessionByItself(t *testing.T) {
	t.Helper()
	p := s.signedIn(t, 1)
	s.ends(t, "logout", p, func(n *node) { n.must(t, http.StatusOK, p[0].token, http.MethodPost, "/auth/logout", "") })
}

func (s *story) sessionByID(t *testing.T) {
	t.Helper()
	p := s.signedIn(t, 2)
	s.ends(t, "revoking one session", p[:1], func(n *node) {
		n.must(t, http.StatusOK, p[1].token, http.MethodDelete, "/sessions/"+p[0].session, "")
	})
}

func (s *story) allSessions(t *testing.T) {
	t.Helper()
	p := s.signedIn(t, maxSessions)
	s.ends(t, "revoking all sessions", p, func(n *node) {
		n.must(t, http.StatusOK, s.admin, http.MethodPost, "/users/"+s.id+"/sessions/revoke-all", `{}`)
	})
}

func (s *story) sessionsByNewPassword(t *testing.T) {
	t.Helper()
	p := s.signedIn(t, maxSessions)
	s.ends(t, "a new password", p[1:], func(n *node) {
		n.must(t, http.StatusOK, p[0].token, http.MethodPost, "/users/"+s.id+"/password",
			fmt.Sprintf(`{"current_password":%[1]q,"new_password":%[1]q}`, userPassword))
	})
}

// sessionsByLimit signs in where there are as many sessions as there may be. Which one ends is the service's choice, so
// it is learned from one node and held against the other.
func (s *story) sessionsByLimit(t *testing.T) {
	t.Helper()
	p := s.signedIn(t, maxSessions)
	for range maxSessions / 2 {
		p = append(p, s.signedIn(t, 1)...)
		live := p[:0:0]
		for _, x := range p {
			opens := x.opens(t, s.nodes[0])
			if x.opens(t, s.nodes[1]) != opens {
				t.Errorf("the limit of sessions: the nodes do not agree on one that has ended or not")
			}
			if opens {
				live = append(live, x)
			}
		}
		if len(live) != maxSessions {
			t.Fatalf("%d sessions are live, want %d", len(live), maxSessions)
		}
		s.answered.add("the limit of sessions", 1)
		p = live
	}
}

func (s *story) newKeys(t *testing.T, n int) []pass {
	t.Helper()
	passes := make([]pass, n)
	for i := range passes {
		a := s.here().must(t, http.StatusCreated, s.admin, http.MethodPost, "/users/"+s.id+"/api-keys",
			`{"name":"key","permissions":["bots.use"]}`)
		passes[i] = pass{
			token: a.text("api_key"), session: a.text("key_id"), path: "/auth/verify",
			refused: http.StatusUnauthorized,
		}
	}
	return passes
}

func (s *story) keys(t *testing.T) {
	t.Helper()
	for _, p := range s.newKeys(t, 20) {
		s.ends(t, "revoking an API key", []pass{p}, func(n *node) {
			n.must(t, http.StatusOK, s.admin, http.MethodDelete, "/api-keys/"+p.session, "")
		})
	}
}

// reader is the session of a user who may list users, which loses access with the permission.
func (s *story) reader(t *testing.T) []pass {
	t.Helper()
	p := s.signedIn(t, 1)
	p[0].path, p[0].refused = "/users?limit=1", http.StatusForbidden
	return p
}

func (s *story) grant(t *testing.T, method, path, body string) {
	t.Helper()
	a, err := s.here().call(t.Context(), s.admin, method, path, body)
	if err != nil || a.status/100 != 2 {
		t.Fatalf("%s %s = %d %v, %v", method, path, a.status, a.object, err)
	}
}

func (s *story) permissionsByRole(t *testing.T) {
	t.Helper()
	s.grant(t, http.MethodPost, "/roles",
		fmt.Sprintf(`{"role_id":"role_%[1]s","name":"Role %[1]s","permissions":["users.read"]}`, s.name))
	p := s.reader(t)
	for range often {
		s.grant(t, http.MethodPatch, "/users/"+s.id, fmt.Sprintf(`{"role":"role_%s"}`, s.name))
		s.ends(t, "another role", p, func(n *node) {
			n.must(t, http.StatusOK, s.admin, http.MethodPatch, "/users/"+s.id, `{"role":"user"}`)
		})
	}
}

func (s *story) permissionsOfRole(t *testing.T) {
	t.Helper()
	s.grant(t, http.MethodPatch, "/users/"+s.id, fmt.Sprintf(`{"role":"role_%s"}`, s.name))
	p := s.reader(t)
	for range often {
		s.grant(t, http.MethodPatch, "/roles/role_"+s.name, `{"permissions":["users.read"]}`)
		s.ends(t, "a role with less", p, func(n *node) {
			n.must(t, http.StatusOK, s.admin, http.MethodPatch, "/roles/role_"+s.name, `{"permissions":[]}`)
		})
	}
}

func (s *story) permissionsByGroup(t *testing.T) {
	t.Helper()
	s.grant(t, http.MethodPost, "/groups", fmt.Sprintf(`{"name":"group_%s","permissions":["users.read"]}`, s.name))
	p := s.reader(t)
	for range often {
		s.grant(t, http.MethodPatch, "/users/"+s.id, fmt.Sprintf(`{"groups":["group_%s"]}`, s.name))
		s.ends(t, "leaving a group", p, func(n *node) {
			n.must(t, http.StatusOK, s.admin, http.MethodPatch, "/users/"+s.id, `{"groups":[]}`)
		})
	}
}

func (s *story) permissionsOfGroup(t *testing.T) {
	t.Helper()
	a := s.here().must(t, http.StatusCreated, s.admin, http.MethodPost, "/groups",
		fmt.Sprintf(`{"name":"team_%s"}`, s.name))
	path := "/groups/" + a.text("group_id")
	s.grant(t, http.MethodPatch, "/users/"+s.id, fmt.Sprintf(`{"groups":["team_%s"]}`, s.name))
	p := s.reader(t)
	for range often {
		s.grant(t, http.MethodPatch, path, `{"permissions":["users.read"]}`)
		s.ends(t, "a group with less", p,
			func(n *node) { n.must(t, http.StatusOK, s.admin, http.MethodPatch, path, `{"permissions":[]}`) })
	}
	s.grant(t, http.MethodPatch, path, `{"permissions":["users.read"]}`)
	s.ends(t, "the end of a group", p, func(n *node) {
		if a, err := n.call(t.Context(), s.admin, http.MethodDelete, path, ""); err != nil || a.status/100 != 2 {
			t.Errorf("deleting a group = %d %v, %v", a.status, a.object, err)
		}
	})
}

func (s *story) everythingByDeactivation(t *testing.T) {
	t.Helper()
	s.grant(t, http.MethodPatch, "/users/"+s.id, `{"role":"user"}`) // which may use the keys
	p := append(s.signedIn(t, maxSessions), s.newKeys(t, 8)...)
	s.ends(t, "deactivation", p,
		func(n *node) { n.must(t, http.StatusOK, s.admin, http.MethodDelete, "/users/"+s.id, "") })
}
