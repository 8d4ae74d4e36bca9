package sso_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

func TestLoopbackRedirectURIAllowsAnyPort(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	service := r.node(t,
		sso.Config{RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost:3000/cb"}})
	for address, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:49152/cb": true, "http://[::1]:49152/cb": true,
		"http://localhost:3000/cb": true,
		"http://localhost:3001/cb": false, "http://127.0.0.1:49152/cb/x": false, "http://127.0.0.1:49152/cb?x=y": false,
		"https://127.0.0.1:49152/cb":        false,
		"http://127.0.0.1:@evil.example/cb": false, "http://127.0.0.1:80@evil.example/cb": false,
		"http://127.0.0.1:123456/cb":       false,
		"http://127.0.0.1.evil.example/cb": false, "http://127.0.0.1:/cb": false, "http://127.0.0.2:80/cb": false,
	} {
		in := startInput()
		in.RedirectURI = address
		if _, err := service.Start(t.Context(), someone(), in); (err == nil) != want || err != nil &&
			!errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestRemovedProviderRefusesLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	answer := r.answer(t, r.start(t, startInput()))
	r.SSO = r.Node(t, func(o *kit.Options) {
		o.Directories = slices.DeleteFunc(slices.Clone(o.Directories),
			func(d ports.Directory) bool { return d.ID() == "corp" })
		o.SSO.CallbackURL = callbackURL
	}).SSO
	if returned := r.back(t, answer); returned.Err == nil {
		t.Errorf("the client got %+v", returned)
	}
	if got := r.reasons(t); len(got) != 1 || !strings.Contains(got[0], "not configured any more") {
		t.Errorf("audit reasons %q", got)
	}
}

func TestConcurrentFirstLoginsCreateOneUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var answers []sso.CallbackInput
	for range 8 {
		answers = append(answers, r.answer(t, r.start(t, startInput())))
	}
	var group sync.WaitGroup
	for _, answer := range answers {
		group.Go(func() {
			if returned, err := r.SSO.Callback(t.Context(), someone(), answer); err != nil || returned.Err != nil {
				t.Errorf("%v, %v", returned.Err, err)
			}
		})
	}
	group.Wait()
	if made := r.Logged(t, domain.ActionUserCreate); len(made) != 1 {
		t.Errorf("%d users were created", len(made))
	}
}

func TestProviderUsersHaveNoLocalPassword(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	p, err := r.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, someone().Origin)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Account.ChangePassword(t.Context(), p, p.UserID,
		account.PasswordChange{Current: password, Next: password + "2"})
	if !errors.Is(err, domain.ErrPasswordManagedExternally) {
		t.Errorf("changing the password: %v", err)
	}
	_, err = r.Auth.Login(t.Context(), someone(), auth.LoginInput{Name: "mallory", Password: password})
	if !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("login with a password: %v", err)
	}
	r.SentEmails(t)
	if _, err := r.Account.RequestReset(t.Context(), someone(), address); err != nil {
		t.Errorf("requesting a reset: %v", err)
	}
	for _, message := range r.SentEmails(t) {
		if strings.Contains(message.Text, "reset") {
			t.Errorf("an email was sent: %s", message.Subject)
		}
	}
}

// Each of these calls leaves an entry in the audit log, which must not be flooded.
func TestCallbacksAndExchangesAreRateLimited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	calls := map[string]func() error{
		"callbacks": func() error {
			_, err := r.SSO.Callback(t.Context(), someone(), sso.CallbackInput{
				Directory: "corp", Answer: domain.RedirectCallback{State: "made-up", Code: "x"},
			})
			return err
		},
		"exchanges": func() error { _, err := r.exchange(t, "made-up"); return err },
	}
	for name, call := range calls {
		for n := range 60 {
			if err := call(); errors.Is(err, fault.ErrRateLimited) || err == nil {
				t.Fatalf("%s: call %d: %v", name, n, err)
			}
		}
		if err := call(); !errors.Is(err, fault.ErrRateLimited) {
			t.Errorf("%s: call above the limit: %v", name, err)
		}
	}
}

func TestExemptNetworkHasNoProviderLoginLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	service := r.node(t,
		sso.Config{Exempt: domain.Networks{netip.PrefixFrom(someone().Origin.Address, someone().Origin.Address.BitLen())}})
	for range 70 {
		if _, err := service.Start(t.Context(), someone(), startInput()); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range 61 {
		_, err = r.node(t, sso.Config{}).Start(t.Context(), someone(), startInput())
	}
	if !errors.Is(err, fault.ErrRateLimited) {
		t.Errorf("61st start of a network that is not exempt: %v", err)
	}
}
