package ldapdir_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

// quick are time limits for tests that wait for their end.
var quick = tree{
	"timeouts": tree{"connect": "500ms", "request": "500ms", "operation": "1s"},
	"breaker":  tree{"failures": 3, "probe": "50ms"},
}

// behind returns a directory that reaches slapd through a proxy, in plain text over loopback.
func behind(t *testing.T, more tree) (*faultproxy.Proxy, directory) {
	t.Helper()
	s := openldap.Start(t, openldap.Options{})
	p := faultproxy.New(t, s.Address())
	settings := openLDAP(s).with(quick).with(tree{
		"urls":            []string{"ldap://localhost:" + p.Port()},
		"allow_plaintext": true,
	}).with(more)
	return p, mustOpen(t, ldapdir.TypeLDAP, settings)
}

// longest is what nothing takes that ends by a quick limit, on a machine that is busy with other tests; without the
// limit it would take far longer, or for ever.
const longest = 25 * time.Second

func login(ctx context.Context, d ports.PasswordVerifier, password string) (domain.Outcome, error) {
	check, err := d.VerifyPassword(ctx, ports.Login{Name: "alice", Password: password})
	return check.Outcome, err
}

// eventually waits until a login works again.
func eventually(t *testing.T, d ports.PasswordVerifier) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		outcome, err := login(t.Context(), d, openldap.Password)
		if err == nil && outcome == domain.OutcomeOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no login works: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestOutageIsAnErrorNotAnOutcome(t *testing.T) {
	t.Parallel()
	tests := map[string]func(p *faultproxy.Proxy){
		"refused connections":           func(p *faultproxy.Proxy) { p.Refuse() },
		"a server that never answers":   func(p *faultproxy.Proxy) { p.Cut(); p.Silent.Store(true) },
		"half-open connections":         func(p *faultproxy.Proxy) { p.Silent.Store(true) },
		"a server that is far too slow": func(p *faultproxy.Proxy) { p.Delay.Store(int64(2 * time.Second)) },
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := behind(t, nil)
			eventually(t, d)
			alice := find(t, d, "alice")
			fail(p)
			calls := map[string]func() error{
				"a login":        func() error { _, err := login(t.Context(), d, openldap.Password); return err },
				"a wrong login":  func() error { _, err := login(t.Context(), d, "wrong"); return err },
				"a known person": func() error { _, err := d.VerifySubject(t.Context(), alice.Subject, "wrong"); return err },
				"a look-up":      func() error { _, err := d.Find(t.Context(), alice.Subject); return err },
				"a change": func() error {
					return d.ChangePassword(t.Context(), alice.Subject, openldap.Password,
						newPassword)
				},
				"a reset": func() error { return d.SetPassword(t.Context(), alice.Subject, newPassword, false) },
				"a walk": func() error {
					_, err := d.List(t.Context(), "", func([]domain.Identity) error { return nil })
					return err
				},
			}
			for what, call := range calls {
				start := time.Now()
				err := call()
				if !isUnavailable(err) || fault.Of(err).Kind != fault.Unavailable {
					t.Errorf("%s: %v", what, err)
				}
				if took := time.Since(start); took > longest {
					t.Errorf("%s took %s", what, took)
				}
			}
			p.Cut()
			p.Heal()
			eventually(t, d)
		})
	}
}

func TestAConnectionThatBreaksBetweenPagesIsAnError(t *testing.T) {
	t.Parallel()
	p, d := behind(t, tree{"page_size": 4, "timeouts": patient})
	pages := 0
	_, err := d.List(t.Context(), "", func([]domain.Identity) error {
		if pages++; pages == 2 {
			p.Cut()
		}
		return nil
	})
	if !isUnavailable(err) || pages != 2 {
		t.Errorf("after %d pages: %v", pages, err)
	}
	if everybody := list(t, d, ""); !everybody.result.Complete || len(everybody.people) < 5 {
		t.Errorf("afterwards %d people are listed", len(everybody.people))
	}
}

func TestTheCallersContextEndsACall(t *testing.T) {
	t.Parallel()
	p, d := behind(t, tree{"timeouts": tree{"connect": "30s", "request": "30s", "operation": "60s"}})
	eventually(t, d)
	p.Silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := login(ctx, d, openldap.Password)
	if took := time.Since(start); !isUnavailable(err) || took > longest {
		t.Errorf("after %s: %v", took, err)
	}
}

func TestABrokenServerIsLeftAloneAndProbed(t *testing.T) {
	t.Parallel()
	p, d := behind(t, tree{"breaker": tree{"failures": 3, "probe": "200ms"}})
	eventually(t, d)
	p.Cut()
	p.Silent.Store(true)
	for range 3 {
		if _, err := login(t.Context(), d, openldap.Password); !isUnavailable(err) {
			t.Fatalf("a login without a server: %v", err)
		}
	}
	before := p.Accepted.Load()
	start := time.Now()
	for range 1000 {
		if _, err := login(t.Context(), d, openldap.Password); !isUnavailable(err) {
			t.Fatalf("a login without a server: %v", err)
		}
	}
	if took := time.Since(start); took > longest {
		t.Errorf("1,000 logins while it is known to be broken took %s", took)
	}
	if asked := p.Accepted.Load() - before; asked > 20 { // the probes, further apart each time
		t.Errorf("the broken server was asked %d times", asked)
	}
	p.Cut()
	p.Heal()
	eventually(t, d)
}

func TestManyCallersMakeFewConnections(t *testing.T) {
	t.Parallel()
	p, d := behind(t, tree{
		"timeouts": tree{"connect": "1s", "request": "1s", "operation": "3s"},
		"pool":     tree{"size": 2, "max_logins": 3},
	})
	eventually(t, d)
	alice := find(t, d, "alice")
	p.Refuse()
	hammer := func() {
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { _, _ = d.Find(t.Context(), alice.Subject) })
		}
		wg.Wait()
	}
	hammer()
	p.Accepted.Store(0)
	p.Heal()
	eventually(t, d)
	hammer()
	// The probe's, one for each of the logins that tried, and at most two for the pool.
	if n := p.Accepted.Load(); n > 8 {
		t.Errorf("after the outage %d connections were made", n)
	}
}

func TestWrongPasswordsNeverOpenTheBreaker(t *testing.T) {
	t.Parallel()
	_, d := behind(t, tree{"timeouts": patient})
	for range 20 {
		if check := verify(t, d, "weird", "wrong"); check.Outcome != domain.OutcomeBadCredentials {
			t.Fatalf("a wrong password is %v", check.Outcome)
		}
	}
	if check := verify(t, d, "alice", openldap.Password); check.Outcome != domain.OutcomeOK {
		t.Errorf("then the right one is %v", check.Outcome)
	}
}

func TestAFlappingServerCostsNoWrongAnswer(t *testing.T) {
	t.Parallel()
	p, d := behind(t, nil)
	eventually(t, d)
	done := make(chan struct{})
	var wg sync.WaitGroup
	var answers, outages atomic.Int64
	for i := range 8 {
		password, want := openldap.Password, domain.OutcomeOK
		if i%2 == 1 {
			password, want = "wrong", domain.OutcomeBadCredentials
		}
		name := map[bool]string{true: "soon", false: `we*ird(u)\er`}[i%2 == 0]
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				check, err := d.VerifyPassword(t.Context(), ports.Login{Name: name, Password: password})
				if err == nil {
					answers.Add(1)
				} else if outages.Add(1); !isUnavailable(err) {
					t.Errorf("an error that is no outage: %v", err)
				}
				if err == nil && check.Outcome != want && check.Outcome != domain.OutcomeLocked {
					t.Errorf("the answer is %v, want %v", check.Outcome, want)
				}
			}
		})
	}
	for range 10 {
		p.Refuse()
		more(t, &outages)
		p.Heal()
		more(t, &answers)
		p.Cut()
	}
	close(done)
	wg.Wait()
	eventually(t, d)
}

// more waits until something has been counted again.
func more(t *testing.T, count *atomic.Int64) {
	t.Helper()
	before, deadline := count.Load(), time.Now().Add(time.Minute)
	for count.Load() == before {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen any more")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{})
	dead, half := faultproxy.New(t, s.Address()), faultproxy.New(t, s.Address())
	dead.Refuse()
	half.Silent.Store(true)
	settings := openLDAP(s).with(tree{
		"urls":            []string{"ldap://localhost:" + dead.Port(), "ldap://localhost:" + half.Port(), s.URL},
		"allow_plaintext": true, "timeouts": tree{"connect": "500ms", "request": "500ms", "operation": "30s"},
	})
	d := mustOpen(t, ldapdir.TypeLDAP, settings)
	for range 5 {
		if check := verify(t, d, "alice", openldap.Password); check.Outcome != domain.OutcomeOK {
			t.Fatalf("the login is %v", check.Outcome)
		}
	}
}

func TestCloseStopsBackgroundWork(t *testing.T) {
	t.Parallel()
	p, d := behind(t, nil)
	eventually(t, d)
	p.Cut()
	p.Silent.Store(true)
	for range 3 {
		_, _ = login(t.Context(), d, openldap.Password)
	}
	done := make(chan struct{})
	go func() {
		_ = d.Close(t.Context())
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(longest):
		t.Error("close waits for a server that never answers")
	}
}
