package auth_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// otherClient differs from the other requests in address and user agent.
var otherClient = domain.Anonymous(domain.Origin{
	Address: kit.Origin.Address, UserAgent: "phone",
	RequestID: "req-phone",
})

func refresh(t *testing.T, s *kit.Services, by domain.Principal, token string) auth.SignedIn {
	t.Helper()
	next, err := s.Auth.Refresh(t.Context(), by, token)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func introspected(token func(lost) string) func(*testing.T, *kit.Services, lost) {
	return func(t *testing.T, s *kit.Services, l lost) {
		t.Helper()
		got, err := s.Auth.Introspect(t.Context(), domain.Operator(), token(l))
		if err != nil || !got.Active {
			t.Fatalf("introspection: %v, %v", got.Active, err)
		}
	}
}

func refreshed(t *testing.T, s *kit.Services, l lost) {
	t.Helper()
	refresh(t, s, otherClient, l.second.Tokens.Refresh)
}

// lost holds the tokens of a client and those of the refresh response that it did not receive.
type lost struct{ first, second auth.SignedIn }

func TestLostRefreshResponseIsRepeatedUntilItsTokensAreUsed(t *testing.T) {
	t.Parallel()
	accepts := func(token func(lost) string) func(*testing.T, *kit.Services, lost) {
		return func(t *testing.T, s *kit.Services, l lost) {
			t.Helper()
			if err := verify(t, s, token(l)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		between func(*testing.T, *kit.Services, lost)
		again   bool
	}{
		"no token was used":                  {func(*testing.T, *kit.Services, lost) {}, true},
		"the previous access token was used": {accepts(func(l lost) string { return l.first.Tokens.Access }), true},
		"its access token was used":          {accepts(func(l lost) string { return l.second.Tokens.Access }), false},
		"its access token was introspected":  {introspected(func(l lost) string { return l.second.Tokens.Access }), false},
		"its refresh token was introspected": {introspected(func(l lost) string { return l.second.Tokens.Refresh }), false},
		"its refresh token was used":         {refreshed, false},
		"its access token was refused as invalid": {func(t *testing.T, s *kit.Services, l lost) {
			t.Helper()
			_ = verify(t, s, l.second.Tokens.Access+"x")
		}, true},
		"a second access token was used": {func(t *testing.T, s *kit.Services, l lost) {
			t.Helper()
			again := refresh(t, s, otherClient, l.first.Tokens.Refresh)
			if again.Tokens.Access == l.second.Tokens.Access {
				t.Error("the access token is not newly signed")
			}
			accepts(func(lost) string { return again.Tokens.Access })(t, s, l)
		}, false},
		"an access token without the claim was used": {func(t *testing.T, s *kit.Services, l lost) {
			t.Helper()
			old, err := s.Tokens.Issue(t.Context(), domain.AccessClaims{
				TokenID: "old", Subject: l.first.User.ID, SessionID: l.first.Session.ID,
				IssuedAt: s.Clock.Now(), ExpiresAt: s.Clock.Now().Add(time.Minute),
			})
			if err != nil {
				t.Fatal(err)
			}
			accepts(func(lost) string { return old })(t, s, l)
		}, true},
		"the session was stored by an older version": {func(t *testing.T, s *kit.Services, l lost) {
			t.Helper()
			_, err := s.Store.Sessions().Update(t.Context(), l.first.Session.ID,
				func(x *domain.Session, _ *domain.Outbox) error {
					x.Refresh.Unseen = false
					return nil
				})
			if err != nil {
				t.Fatal(err)
			}
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			l := lost{}
			l.first, _ = s.SignIn(t, "ada", right, home)
			l.second = refresh(t, s, kit.From(home), l.first.Tokens.Refresh)
			s.Clock.Forward(graceOver)
			test.between(t, s, l)
			again, err := s.Auth.Refresh(t.Context(), otherClient, l.first.Tokens.Refresh)
			if (err == nil) != test.again {
				t.Fatalf("repeated refresh: %v", err)
			}
			if test.again && again.Tokens.Refresh != l.second.Tokens.Refresh {
				t.Error("the repeated refresh returned a different successor")
			}
			if err := verify(t, s, l.second.Tokens.Access); (err == nil) != test.again {
				t.Errorf("the session after the repeated refresh: %v", err)
			}
			if got, want := len(s.Logged(t, domain.ActionTokenRefreshReuse)), 1; (got == want) == test.again {
				t.Errorf("%d audit entries of reuse", got)
			}
		})
	}
}

// graceOver is longer than graceFor.
const graceOver = 11 * time.Second

func TestLostRefreshResponseIsRepeatedOnlyWithinSessionLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		waits []time.Duration
		again bool
	}{
		"just within the idle limit":        {[]time.Duration{29 * time.Minute}, true},
		"past the idle limit":               {[]time.Duration{30 * time.Minute}, false},
		"repeatedly, each within the limit": {[]time.Duration{29 * time.Minute, 29 * time.Minute, 29 * time.Minute}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			first, _ := s.SignIn(t, "ada", right, home)
			second := refresh(t, s, kit.From(home), first.Tokens.Refresh)
			for _, wait := range test.waits {
				s.Clock.Forward(wait)
				again, err := s.Auth.Refresh(t.Context(), otherClient, first.Tokens.Refresh)
				if (err == nil) != test.again || err == nil && again.Tokens.Refresh != second.Tokens.Refresh {
					t.Fatalf("after %s: %v", wait, err)
				}
			}
			if got := len(s.Logged(t, domain.ActionTokenRefreshReuse)); got != 0 {
				t.Errorf("%d audit entries of reuse", got)
			}
		})
	}
}

// markedSessions counts and delays the writes that mark a generation as used.
type markedSessions struct {
	ports.SessionStore

	marks   atomic.Int64
	entered chan struct{} // receives a value when a write starts
	unblock chan struct{} // closed to unblock the writes
	failure error
}

func (m *markedSessions) Update(ctx context.Context, id domain.SessionID,
	change ports.Change[domain.Session],
) (domain.Session, error) {
	m.entered <- struct{}{}
	<-m.unblock
	if m.failure != nil {
		return domain.Session{}, m.failure
	}
	changed := false
	x, err := m.SessionStore.Update(ctx, id, func(x *domain.Session, out *domain.Outbox) error {
		err := change(x, out)
		changed = err == nil
		return err
	})
	if changed {
		m.marks.Add(1)
	}
	return x, err
}

// interposed starts services and issues tokens. From then on, m is the session store of the services.
func interposed(t *testing.T, m *markedSessions) (*kit.Services, lost) {
	t.Helper()
	var on atomic.Bool
	s := kit.Start(t, kit.Options{Ports: func(p *ports.Storage) {
		m.SessionStore = p.Sessions
		p.Sessions = &switched{SessionStore: p.Sessions, other: m, on: &on}
	}})
	s.Register(t, "ada", right, "user")
	l := lost{}
	l.first, _ = s.SignIn(t, "ada", right, home)
	l.second = refresh(t, s, kit.From(home), l.first.Tokens.Refresh)
	on.Store(true)
	return s, l
}

type switched struct {
	ports.SessionStore

	other ports.SessionStore
	on    *atomic.Bool
}

func (w *switched) Update(ctx context.Context, id domain.SessionID,
	change ports.Change[domain.Session],
) (domain.Session, error) {
	if w.on.Load() {
		return w.other.Update(ctx, id, change)
	}
	return w.SessionStore.Update(ctx, id, change)
}

func TestConcurrentFirstRequestsOfAGenerationShareOneWrite(t *testing.T) {
	t.Parallel()
	const requests = 40
	m := &markedSessions{entered: make(chan struct{}, requests), unblock: make(chan struct{})}
	s, l := interposed(t, m)
	var written atomic.Bool
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			if err := verify(t, s, l.second.Tokens.Access); err != nil {
				t.Error(err)
			}
			if !written.Load() {
				t.Error("a request was answered before the write")
			}
		})
	}
	<-m.entered
	for range 1000 {
		runtime.Gosched() // lets the other requests start; the result does not depend on how many do
	}
	written.Store(true)
	close(m.unblock)
	wg.Wait()
	if got := m.marks.Load(); got != 1 {
		t.Errorf("%d writes for one generation, want 1", got)
	}
	if err := verify(t, s, l.second.Tokens.Access); err != nil || m.marks.Load() != 1 {
		t.Errorf("a later request: %v, %d writes", err, m.marks.Load())
	}
}

func TestTokenIsRefusedIfItsFirstUseCannotBeStored(t *testing.T) {
	t.Parallel()
	m := &markedSessions{entered: make(chan struct{}, 100), unblock: make(chan struct{}), failure: fault.ErrStorage}
	close(m.unblock)
	s, l := interposed(t, m)
	if err := verify(t, s, l.second.Tokens.Access); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("the access token: %v, want ErrStorage", err)
	}
	if _, err := s.Auth.Introspect(t.Context(), domain.Operator(), l.second.Tokens.Refresh); !errors.Is(err,
		fault.ErrStorage) {
		t.Errorf("introspecting the refresh token: %v, want ErrStorage", err)
	}
	if err := verify(t, s, l.first.Tokens.Access); err != nil {
		t.Errorf("the previous access token, which causes no write: %v", err)
	}
	m.failure = nil
	s.Clock.Forward(graceOver)
	if again := refresh(t, s, otherClient, l.first.Tokens.Refresh); again.Tokens.Refresh != l.second.Tokens.Refresh {
		t.Error("a refused request marked the token as used")
	}
}

func TestFirstUseIsStoredDespiteCanceledRequest(t *testing.T) {
	t.Parallel()
	m := &markedSessions{entered: make(chan struct{}, 100), unblock: make(chan struct{})}
	s, l := interposed(t, m)
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Auth.Authenticate(ctx, l.second.Tokens.Access, kit.Origin) })
	<-m.entered
	wg.Go(func() {
		if err := verify(t, s, l.second.Tokens.Access); err != nil {
			t.Errorf("a request concurrent with a canceled one: %v", err)
		}
	})
	leave()
	close(m.unblock)
	wg.Wait()
}

// A replay races with the first use of the lost access token: once that use was answered, no replay returns the same
// successor.
func TestReplayAfterFirstUseReturnsNoSuccessor(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for range 20 {
		name := s.IDs.NewID("u")
		s.Register(t, name, right, "user")
		first, _ := s.SignIn(t, name, right, home)
		second := refresh(t, s, kit.From(home), first.Tokens.Refresh)
		s.Clock.Forward(graceOver)
		var used atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					after := used.Load()
					again, err := s.Auth.Refresh(t.Context(), otherClient, first.Tokens.Refresh)
					if err == nil && after {
						t.Error("a replay returned the successor after its first use was answered")
					}
					if err != nil {
						return // the session has ended
					}
					if again.Tokens.Refresh != second.Tokens.Refresh {
						t.Error("a replay returned a different successor")
					}
				}
			})
		}
		err := verify(t, s, second.Tokens.Access)
		used.Store(true)
		wg.Wait()
		if err != nil {
			t.Errorf("the first use: %v", err)
		}
		if err := verify(t, s, second.Tokens.Access); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("the session after the reuse: %v", err)
		}
	}
}
