package nodes_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// elsewhere refreshes from another address with another user agent than all other calls.
func (n *node) elsewhere(t *testing.T, token string) answer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url+"/auth/refresh",
		strings.NewReader(refreshBody(token)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "phone")
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode}
	if err := json.NewDecoder(res.Body).Decode(&a.object); err != nil {
		t.Fatal(err)
	}
	return a
}

func refreshBody(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

func TestALostRefreshAnswerIsGivenAgainByAnyProcessUntilAnotherHasSeenIt(t *testing.T) {
	t.Parallel()
	onEach(t, aLostRefreshAnswerIsGivenAgainByAnyProcessUntilAnotherHasSeenIt)
}

func aLostRefreshAnswerIsGivenAgainByAnyProcessUntilAnotherHasSeenIt(t *testing.T, nodes []*node) {
	t.Helper()
	nodes[0].user(t, nodes[0].signIn(t, adminName, adminPassword), "grace")
	for i := range 6 {
		here, there := nodes[i%2], nodes[(i+1)%2]
		first := here.must(t, http.StatusOK, "", http.MethodPost, "/auth/login", login("grace", userPassword))
		lost := here.must(t, http.StatusOK, "", http.MethodPost, "/auth/refresh", refreshBody(first.text("refresh_token")))
		again := there.elsewhere(t, first.text("refresh_token"))
		if again.status != http.StatusOK || again.text("refresh_token") != lost.text("refresh_token") {
			t.Fatalf("the lost answer on %s: %d %v, want the same successor", there.name, again.status, again.object)
		}
		var group sync.WaitGroup
		for j := range 16 {
			group.Go(func() {
				a, err := nodes[j%2].call(t.Context(), lost.text("access_token"), http.MethodGet, "/auth/verify", "")
				if err != nil || a.status != http.StatusOK {
					t.Errorf("a first use on %s: %d %v, %v", nodes[j%2].name, a.status, a.object, err)
				}
			})
		}
		group.Wait()
		if a := here.elsewhere(t, first.text("refresh_token")); a.status != http.StatusUnauthorized {
			t.Fatalf("a replay on %s after the use: %d %v, want 401", here.name, a.status, a.object)
		}
		there.must(t, http.StatusUnauthorized, again.text("access_token"), http.MethodGet, "/auth/verify", "")
	}
}
