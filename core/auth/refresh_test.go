package auth_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestReusedRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	first, _ := s.SignIn(t, "ada", right, home)
	second, err := s.Auth.Refresh(t.Context(), kit.From(home), first.Tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	third, err := s.Auth.Refresh(t.Context(), kit.From(home), second.Tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), first.Tokens.Refresh); !errors.Is(err,
		fault.ErrUnauthorized) {
		t.Errorf("the reuse: %v", err)
	}
	for name, token := range map[string]string{"first": first.Tokens.Access, "third": third.Tokens.Access} {
		if err := verify(t, s, token); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("the %s access token after the reuse: %v", name, err)
		}
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), third.Tokens.Refresh); !errors.Is(err,
		fault.ErrUnauthorized) {
		t.Errorf("the newest refresh token after the reuse: %v", err)
	}
	if got := len(s.Logged(t, domain.ActionTokenRefreshReuse)); got != 1 {
		t.Errorf("%d audit entries for one reuse", got)
	}
	if messages := s.SentEmails(t); len(messages) != 1 || messages[0].To != "ada@example.com" {
		t.Errorf("the user got %d messages, want 1", len(messages))
	}
}

func TestConcurrentRefreshReturnsOneSuccessor(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, _ := s.SignIn(t, "ada", right, home)
	var mu sync.Mutex
	successors := map[string]int{}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			next, err := s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			successors[next.Tokens.Refresh]++
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors, want one", len(successors))
	}
}

func TestRetriedRefreshSucceedsOnlyForTheSameClient(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		address, agent string
		after          time.Duration
		allowed        bool
	}{
		"the same client at once":           {home, "test", 0, true},
		"the same address, another agent":   {home, "other", 5 * time.Second, true},
		"the same agent, another address":   {away, "test", 5 * time.Second, true},
		"another client":                    {away, "other", time.Second, false},
		"the same client after ten seconds": {home, "test", 10 * time.Second, true},
		"the same client after eleven":      {home, "test", 11 * time.Second, false},
		"no user agent, another address":    {away, "", time.Second, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			in, _ := s.SignIn(t, "ada", right, home)
			next, err := s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(t, s, next.Tokens.Access); err != nil { // the client has received the response
				t.Fatal(err)
			}
			s.Clock.Forward(test.after)
			by := kit.From(test.address)
			by.Origin.UserAgent = test.agent
			again, err := s.Auth.Refresh(t.Context(), by, in.Tokens.Refresh)
			if (err == nil) != test.allowed {
				t.Fatalf("got %v", err)
			}
			if test.allowed && again.Tokens.Refresh != next.Tokens.Refresh {
				t.Error("the retry returned a different successor")
			}
			if err := verify(t, s, next.Tokens.Access); (err == nil) != test.allowed {
				t.Errorf("the session after the retry: %v", err)
			}
		})
	}
}

func TestOnlyTheExactRefreshTokenIsAccepted(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, _ := s.SignIn(t, "ada", right, home)
	token := in.Tokens.Refresh
	forged := []string{
		token + "\n", " " + token, token + "A", strings.ToUpper(token), token[:len(token)-1] + "A",
		strings.Replace(token, "_0_", "_1_", 1), strings.Replace(token, "_0_", "_00_", 1),
	}
	for i := range len(token) {
		forged = append(forged, token[:i], token[i+1:])
	}
	for _, wrong := range forged {
		if wrong == token {
			continue
		}
		if _, err := s.Auth.Refresh(t.Context(), kit.From(home), wrong); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
	if err := verify(t, s, in.Tokens.Access); err != nil {
		t.Errorf("forged tokens ended the session: %v", err)
	}
	if err := verify(t, s, token); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("a refresh token was accepted as an access token: %v", err)
	}
}
