package crash_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// elsewhere makes the call from another address with another user agent than all other calls.
func (s *server) elsewhere(t *testing.T, path, body string) answer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "phone")
	res, err := (&http.Client{Transport: transport}).Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode}
	must(t, json.NewDecoder(res.Body).Decode(&a.object))
	return a
}

func refreshBody(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

// TestAKillAfterTheFirstUseOfARefreshedTokenForgetsNoUse loses the answers to refreshes, kills the program or its
// database right after it has answered the first use of one of the lost access tokens, and refreshes again.
func TestAKillAfterTheFirstUseOfARefreshedTokenForgetsNoUse(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killForgetsNoUse(t, newServer(t, open(t)))
		})
	}
}

func killForgetsNoUse(t *testing.T, s *server) {
	t.Helper()
	s.start(t)
	type client struct{ before, lost answer }
	refreshed := func() client {
		c := client{before: s.see(t, "", http.MethodPost, "/auth/login", login("admin", adminPassword))}
		c.lost = s.see(t, "", http.MethodPost, "/auth/refresh", refreshBody(c.before.text("refresh_token")))
		if c.lost.status != http.StatusOK {
			t.Fatalf("refreshing: %d %v", c.lost.status, c.lost.object)
		}
		return c
	}
	unused, used := refreshed(), refreshed()
	if a := s.see(t, used.lost.text("access_token"), http.MethodGet, "/auth/verify", ""); a.status != http.StatusOK {
		t.Fatalf("the first use: %d %v", a.status, a.object)
	}
	s.crash(t)
	s.recover(t)
	if a := s.elsewhere(t, "/auth/refresh", refreshBody(unused.before.text("refresh_token"))); a.status != http.StatusOK ||
		a.text("refresh_token") != unused.lost.text("refresh_token") {
		t.Errorf("a lost answer that nobody used: %d %v, want the same successor", a.status, a.object)
	}
	if a := s.elsewhere(t, "/auth/refresh",
		refreshBody(used.before.text("refresh_token"))); a.status != http.StatusUnauthorized {
		t.Errorf("a replaced token whose successor was used: %d %v, want 401", a.status, a.object)
	}
	if a := s.see(t, used.lost.text("access_token"), http.MethodGet, "/auth/verify",
		""); a.status != http.StatusUnauthorized {
		t.Errorf("the session after the reuse: %d %v, want it ended", a.status, a.object)
	}
}
