package auth_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func accessRole(id string) access.RoleInput {
	return access.RoleInput{ID: id, Name: id, Permissions: []string{"kb.read"}}
}

func verify(t *testing.T, s *kit.Services, token string) error {
	t.Helper()
	_, err := s.Auth.Authenticate(t.Context(), token, kit.From(home).Origin)
	return err
}

func TestIdleSessionsExpire(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, p := s.SignIn(t, "ada", right, home)
	if want := s.Clock.Now().Add(30 * time.Minute); !p.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v, want the idle limit %v", p.ExpiresAt, want)
	}
	for range 3 {
		s.Clock.Forward(19 * time.Minute)
		if err := verify(t, s, in.Tokens.Access); err != nil {
			t.Fatalf("an active session: %v", err)
		}
	}
	s.Clock.Forward(31 * time.Minute)
	if err := verify(t, s, in.Tokens.Access); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("after 31 idle minutes: %v", err)
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("refresh of an idle session: %v", err)
	}
}

func TestRememberedSessionsExpire(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right, Remember: true})
	if err != nil {
		t.Fatal(err)
	}
	for day := 1; day < 30; day++ {
		s.Clock.Forward(24 * time.Hour)
		if in, err = s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh); err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
	}
	s.Clock.Forward(24 * time.Hour)
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("day 30: %v", err)
	}
}

func TestMaxSessionsIsExact(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	user := s.Register(t, "ada", right, "user")
	var mu sync.Mutex
	var tokens []string
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			tokens = append(tokens, in.Tokens.Access)
		})
	}
	wg.Wait()
	live := 0
	for _, token := range tokens {
		if verify(t, s, token) == nil {
			live++
		}
	}
	list, err := s.Auth.List(t.Context(), domain.Operator(), user.ID, domain.Page{})
	if live != 5 || len(list.Sessions) != 5 || err != nil {
		t.Errorf("%d live, %d listed, %v; want 5", live, len(list.Sessions), err)
	}
}

func TestMaxSessionsEndsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	var tokens []string
	for range 5 {
		in, _ := s.SignIn(t, "ada", right, home)
		tokens = append(tokens, in.Tokens.Access)
		s.Clock.Forward(time.Minute)
	}
	if err := verify(t, s, tokens[0]); err != nil { // now the second session is the least recently used
		t.Fatal(err)
	}
	s.Clock.Forward(time.Minute)
	s.SignIn(t, "ada", right, home)
	for i, token := range tokens {
		if err := verify(t, s, token); (err == nil) != (i != 1) {
			t.Errorf("session %d: %v", i, err)
		}
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	a, _ := s.SignIn(t, "ada", right, home)
	b, _ := s.SignIn(t, "ada", right, home)
	c, _ := s.SignIn(t, "ada", right, home)
	out := func(refresh, bearer string) {
		t.Helper()
		if err := s.Auth.Logout(t.Context(), kit.From(home), refresh, bearer); err != nil {
			t.Error(err)
		}
	}
	out("ort_nonsense", "")
	out(strings.Replace(a.Tokens.Refresh, "_0_", "_7_", 1), "nonsense")
	out(a.Tokens.Refresh, "")
	out(a.Tokens.Refresh, "")
	out("", b.Tokens.Access)
	for name, in := range map[string]auth.SignedIn{"a": a, "b": b} {
		if err := verify(t, s, in.Tokens.Access); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s after its logout: %v", name, err)
		}
	}
	if err := verify(t, s, c.Tokens.Access); err != nil {
		t.Errorf("another session: %v", err)
	}
	if got := len(s.Logged(t, domain.ActionLogout)); got != 2 {
		t.Errorf("%d audit entries for two logouts", got)
	}
}

func TestSessionsAreVisibleToTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	s.Register(t, "bob", right, "user")
	s.Register(t, "root", right, "admin")
	ada, asAda := s.SignIn(t, "ada", right, home)
	_, asBob := s.SignIn(t, "bob", right, home)
	_, asRoot := s.SignIn(t, "root", right, home)
	if _, err := s.Auth.List(t.Context(), asBob, asAda.UserID, domain.Page{}); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("list of another user: %v", err)
	}
	if _, err := s.Auth.Revoke(t.Context(), asBob, ada.Session.ID); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("session of another user: %v", err)
	}
	if _, err := s.Auth.Revoke(t.Context(), asBob, "sess_00000000000000000000000000"); !errors.Is(err,
		domain.ErrSessionNotFound) {
		t.Errorf("unknown session: %v", err)
	}
	first, err := s.Auth.Revoke(t.Context(), asRoot, ada.Session.ID)
	if err != nil || first.IsZero() {
		t.Fatal(first, err)
	}
	s.Clock.Forward(time.Minute)
	again, err := s.Auth.Revoke(t.Context(), asRoot, ada.Session.ID)
	if err != nil || !again.Equal(first) {
		t.Errorf("revoking again: %v, %v; want the same time %v", again, err, first)
	}
	if err := verify(t, s, ada.Tokens.Access); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("after the revoke: %v", err)
	}
}

func TestRevokeAll(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	a, _ := s.SignIn(t, "ada", right, home)
	b, asB := s.SignIn(t, "ada", right, home)
	n, err := s.Auth.RevokeAll(t.Context(), asB, asB.UserID, true)
	if n != 1 || err != nil || verify(t, s, a.Tokens.Access) == nil || verify(t, s, b.Tokens.Access) != nil {
		t.Errorf("all but this one: %d, %v", n, err)
	}
	if n, err = s.Auth.RevokeAll(t.Context(), asB, asB.UserID, false); n != 1 || err != nil ||
		verify(t, s, b.Tokens.Access) == nil {
		t.Errorf("all: %d, %v", n, err)
	}
}

func TestPermissionsComeFromTheStore(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	user := s.Register(t, "ada", right, "admin")
	s.Register(t, "root", right, "admin")
	in, p := s.SignIn(t, "ada", right, home)
	if !p.Can(domain.UsersManage) {
		t.Fatal("an administrator cannot manage users")
	}
	role := "user"
	if _, err := s.Account.Update(t.Context(), domain.Operator(), user.ID, accountPatch(&role)); err != nil {
		t.Fatal(err)
	}
	p, err := s.Auth.Authenticate(t.Context(), in.Tokens.Access, kit.From(home).Origin)
	if err != nil || p.Can(domain.UsersManage) {
		t.Errorf("after the demotion the old token may manage users: %v", err)
	}
}

func TestIntrospect(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, p := s.SignIn(t, "ada", right, home)
	if _, err := s.Auth.Introspect(t.Context(), p, in.Tokens.Access); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("without the permission: %v", err)
	}
	for kind, token := range map[string]string{"access_token": in.Tokens.Access, "refresh_token": in.Tokens.Refresh} {
		got, err := s.Auth.Introspect(t.Context(), domain.Operator(), token)
		if err != nil || !got.Active || got.Principal.UserID != p.UserID {
			t.Errorf("%s: %+v, %v", kind, got.Active, err)
		}
	}
	for _, wrong := range []string{"x", in.Tokens.Access + "x", "sk_live_nonsense", strings.Repeat("a", 5000)} {
		if got, err := s.Auth.Introspect(t.Context(), domain.Operator(), wrong); err != nil || got.Active {
			t.Errorf("%.20q: %v, %v", wrong, got.Active, err)
		}
	}
}
