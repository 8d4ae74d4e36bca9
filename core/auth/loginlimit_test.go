package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

var fiveAMinute = domain.Rate{Limit: 5, Window: time.Minute}

// rate logs in and returns the state of the limit.
func rate(t *testing.T, s *kit.Services, name string) (domain.RateState, error) {
	t.Helper()
	in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: name, Password: right})
	return in.Rate, err
}

func TestSuccessfulLoginReleasesItsTake(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{LoginRate: fiveAMinute, CountFailures: true})
	s.Register(t, "ada", right, "user")
	for range 12 {
		if left, err := rate(t, s, "ada"); err != nil || left != (domain.RateState{Allowed: true, Limit: 5, Remaining: 5}) {
			t.Fatalf("correct password: %+v, %v", left, err)
		}
	}
	for i := range 5 {
		left, err := rate(t, s, fmt.Sprint("nobody", i))
		if !errors.Is(err, fault.ErrUnauthorized) || left.Limit != 5 || left.Remaining != 4-i || left.Reset != time.Minute {
			t.Fatalf("failure %d: %+v, %v", i, left, err)
		}
		if i < 4 {
			if left, err := rate(t, s, "ada"); err != nil || left.Remaining != 4-i {
				t.Fatalf("correct password after %d failures: %+v, %v", i+1, left, err)
			}
		}
	}
	if left, err := rate(t, s, "ada"); !errors.Is(err, fault.ErrRateLimited) || left.Allowed || left.Remaining != 0 {
		t.Errorf("after five failures: %+v, %v", left, err)
	}
	valid, left, err := s.Auth.CheckCredentials(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
	if valid || !errors.Is(err, fault.ErrRateLimited) || left.Limit != 5 {
		t.Errorf("checking credentials after five failures: %v, %+v, %v", valid, left, err)
	}
	s.Clock.Forward(time.Minute)
	if valid, left, err = s.Auth.CheckCredentials(t.Context(), kit.From(home),
		auth.LoginInput{Name: "ada", Password: right}); !valid || left.Remaining != 5 {
		t.Errorf("a minute later: %v, %+v, %v", valid, left, err)
	}
}

func TestConcurrentFailuresDoNotExceedTheLimit(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{LoginRate: fiveAMinute, CountFailures: true})
	s.Register(t, "ada", right, "user")
	var mu sync.Mutex
	var wg sync.WaitGroup
	outcomes := map[string]int{}
	for i := range 60 {
		wg.Go(func() {
			name := fmt.Sprint("nobody", i)
			if i%3 == 0 {
				name = "ada"
			}
			_, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: name, Password: right})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				outcomes["signed in"]++
			case errors.Is(err, fault.ErrUnauthorized):
				outcomes["failed"]++
			case errors.Is(err, fault.ErrRateLimited):
				outcomes["limited"]++
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if outcomes["failed"] != 5 || outcomes["signed in"]+outcomes["limited"] != 55 {
		t.Errorf("got %v, want 5 failures", outcomes)
	}
}

func TestConcurrentCorrectPasswordsAllPassWithFailuresOnly(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{LoginRate: fiveAMinute, CountFailures: true})
	const people = 30
	for i := range people {
		s.Register(t, fmt.Sprint("person", i), right, "user")
	}
	for i := range 4 {
		if _, err := rate(t, s, fmt.Sprint("nobody", i)); !errors.Is(err, fault.ErrUnauthorized) {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			if err := login(t, s, fmt.Sprint("person", i), right, home); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
}

func TestDisabledOrExemptLimitReportsNoState(t *testing.T) {
	t.Parallel()
	office := domain.Networks{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for name, options := range map[string]kit.Options{
		"off":                   {},
		"exempt":                {LoginRate: fiveAMinute, Exempt: office},
		"exempt, failures only": {LoginRate: fiveAMinute, Exempt: office, CountFailures: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, options)
			s.Register(t, "ada", right, "user")
			for _, address := range []string{home, "::ffff:" + home, "2001:db8::7"} {
				for i := range 8 {
					in, err := s.Auth.Login(t.Context(), kit.From(address),
						auth.LoginInput{Name: fmt.Sprint("nobody", i, address), Password: right})
					if !errors.Is(err, fault.ErrUnauthorized) || in.Rate != (domain.RateState{}) {
						t.Fatalf("%s: %+v, %v", address, in.Rate, err)
					}
				}
			}
			for range 5 {
				_ = login(t, s, "ada", "wrong-Horse-7", home)
			}
			if err := login(t, s, "ada", right, home); !errors.Is(err, domain.ErrAccountLocked) {
				t.Errorf("lockout has no effect: %v", err)
			}
			if options.LoginRate.IsOff() {
				return
			}
			var err error
			for i := range 6 {
				err = login(t, s, fmt.Sprint("nobody", i), right, away)
			}
			if !errors.Is(err, fault.ErrRateLimited) {
				t.Errorf("another network has no limit: %v", err)
			}
		})
	}
}

// A response that proves the password correct is not a failure; a wrong code is one.
func TestMissingSecondFactorIsNotAFailure(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{LoginRate: fiveAMinute, CountFailures: true})
	s.Register(t, "ada", right, "user")
	_, p := s.SignIn(t, "ada", right, home)
	withFactor(t, s, p)
	for range 7 {
		if left, err := rate(t, s, "ada"); !errors.Is(err, domain.ErrTwoFactorRequired) || left.Remaining != 5 {
			t.Fatalf("%+v, %v", left, err)
		}
	}
	in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right, Code: "000000"})
	if !errors.Is(err, domain.ErrTwoFactorLogin) || in.Rate.Remaining != 4 {
		t.Errorf("a wrong code: %+v, %v", in.Rate, err)
	}
}

func TestAnOutageIsNoFailureOfTheSource(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	proxy := faultproxy.New(t, slapd.Address())
	d := corp(t, "corp", slapd, func(s *ldapdir.Settings) {
		s.URLs, s.AllowPlaintext = []string{"ldap://localhost:" + proxy.Port()}, true
	})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{d}, LoginRate: fiveAMinute, CountFailures: true})
	proxy.Refuse()
	for range 7 {
		if left, err := rate(t, s, "alice"); !errors.Is(err, domain.ErrDirectoryUnavailable) || left.Remaining != 5 {
			t.Fatalf("%+v, %v", left, err)
		}
	}
}
