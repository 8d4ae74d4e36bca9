package ldapdir_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/testca"
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
	settings := openLDAP(s).with(quick).with(tree{"urls": []string{"ldap://localhost:" + p.Port()}, "allow_plaintext": true}).with(more)
	return p, mustOpen(t, ldapdir.TypeLDAP, settings)
}

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

func TestD07_AnOutageIsAnErrorAndNoAnswer(t *testing.T) {
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
				"a change":       func() error { return d.ChangePassword(t.Context(), alice.Subject, openldap.Password, newPassword) },
				"a reset":        func() error { return d.SetPassword(t.Context(), alice.Subject, newPassword, false) },
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
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("%s took %s", what, took)
				}
			}
			p.Cut()
			p.Heal()
			eventually(t, d)
		})
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
	if took := time.Since(start); !isUnavailable(err) || took > 2*time.Second {
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
	if took := time.Since(start); took > time.Second {
		t.Errorf("1,000 logins while it is known to be broken took %s", took)
	}
	if asked := p.Accepted.Load() - before; asked > 5 {
		t.Errorf("the broken server was asked %d times", asked)
	}
	p.Cut()
	p.Heal()
	eventually(t, d)
}

func TestManyCallersMakeFewConnections(t *testing.T) {
	t.Parallel()
	p, d := behind(t, tree{"timeouts": tree{"connect": "1s", "request": "1s", "operation": "3s"}, "pool": tree{"size": 2, "max_logins": 3}})
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
	_, d := behind(t, nil)
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
				if err != nil && !isUnavailable(err) {
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
		time.Sleep(20 * time.Millisecond)
		p.Heal()
		time.Sleep(60 * time.Millisecond)
		p.Cut()
	}
	close(done)
	wg.Wait()
	eventually(t, d)
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

func TestD04_TheServersCertificateIsChecked(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{RequireTLS: true})
	other, err := testca.New(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.Replace(s.URL, "localhost", "127.0.0.2", 1)
	tests := map[string]struct {
		change tree
		works  bool
	}{
		"its own authority":                   {tree{}, true},
		"its own authority, StartTLS":         {tree{"urls": []string{s.URL}, "starttls": true}, true},
		"no authority":                        {tree{"ca_file": ""}, false},
		"no authority, StartTLS":              {tree{"ca_file": "", "urls": []string{s.URL}, "starttls": true}, false},
		"another authority":                   {tree{"ca_file": other.CA}, false},
		"another authority, StartTLS":         {tree{"ca_file": other.CA, "urls": []string{s.URL}, "starttls": true}, false},
		"another name":                        {tree{"server_name": "other.example.org"}, false},
		"another name, StartTLS":              {tree{"server_name": "other.example.org", "urls": []string{s.URL}, "starttls": true}, false},
		"an address that it is not for":       {tree{"urls": []string{plain}, "starttls": true}, false},
		"plain text where the server refuses": {tree{"urls": []string{s.URL}, "allow_plaintext": true}, false},
		"TLS on the plain port":               {tree{"urls": []string{strings.Replace(s.URL, "ldap:", "ldaps:", 1)}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tree{"breaker": tree{"probe": "1h"}}).with(tt.change))
			outcome, err := login(t.Context(), d, openldap.Password)
			if works := err == nil && outcome == domain.OutcomeOK; works != tt.works {
				t.Errorf("it works: %v (%v, %v)", works, outcome, err)
			}
			if !tt.works && !isUnavailable(err) {
				t.Errorf("it is no outage: %v", err)
			}
		})
	}
}

func TestD05_ReferralsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := sharedSlapd(t)
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tree{"base_dn": "ou=remote," + openldap.Base}))
	if _, err := login(t.Context(), d, openldap.Password); !isUnavailable(err) {
		t.Errorf("a login below a referral: %v", err)
	}
}

// hostile answers every request with the given bytes, again and again when endless.
func hostile(t *testing.T, answer []byte, endless bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				for {
					if _, err := c.Write(answer); err != nil || !endless {
						break
					}
				}
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	return "ldap://" + l.Addr().String()
}

func TestD05_HostileServers(t *testing.T) {
	t.Parallel()
	bindOK := []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}
	huge := binary.BigEndian.AppendUint32([]byte{0x30, 0x84}, 0x7fffffff)
	entry := append([]byte{0x30, 0x82, 0x04, 0x0a, 0x02, 0x01, 0x02, 0x64, 0x82, 0x04, 0x03, 0x04, 0x82, 0x03, 0xfb}, make([]byte, 1019)...)
	entry = append(entry, 0x30, 0x00)
	tests := map[string]struct {
		answer  []byte
		endless bool
	}{
		"a length of two gigabytes":           {huge, false},
		"two gigabytes that really come":      {append(huge, make([]byte, 1<<20)...), true},
		"garbage":                             {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false},
		"an answer to another question":       {[]byte{0x30, 0x0c, 0x02, 0x01, 0x63, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}, false},
		"entries without an end":              {append(bindOK, entry...), true},
		"a packet nested ten thousand deep":   {[]byte(strings.Repeat("\x30\x80", 10000)), false},
		"an indefinite length without an end": {append([]byte{0x30, 0x80}, make([]byte, 1<<16)...), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := valid().with(quick).with(tree{"urls": []string{hostile(t, tt.answer, tt.endless)}, "allow_plaintext": true})
			d, err := open(ldapdir.TypeLDAP, settings)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close(t.Context())
			verifier, ok := d.(ports.PasswordVerifier)
			if !ok {
				t.Fatal("it checks no passwords")
			}
			start := time.Now()
			outcome, err := login(t.Context(), verifier, "x")
			if !isUnavailable(err) {
				t.Errorf("it is %v, %v", outcome, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
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
	case <-time.After(5 * time.Second):
		t.Error("close waits for a server that never answers")
	}
}
