package sso_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/sso"
)

func TestASignInMakesAUserAndASession(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first := r.signIn(t)
	if !r.isLive(t, first) || first.User.Username != "mallory" || first.User.Directory != "corp" || first.User.Role != domain.RoleUser {
		t.Errorf("signed in as %s of %s with role %s", first.User.Username, first.User.Directory, first.User.Role)
	}
	if first.Session.Provider.ID != "sid-1" || len(first.Session.Provider.IDToken) == 0 || strings.Contains(string(first.Session.Provider.IDToken), "eyJ") {
		t.Error("the provider's session is not kept, or its token is not sealed")
	}
	entries := r.Logged(t, domain.ActionLogin)
	if len(entries) != 1 || entries[0].Details["method"] != "oidc" || entries[0].UserID != string(first.User.ID) {
		t.Errorf("the audit trail has %v", entries)
	}
}

func TestD06_thePersonStaysTheSameUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first := r.signIn(t)
	r.claims(func(c map[string]any) { c["preferred_username"], c["email"] = "renamed", "other@example.org" })
	second := r.signIn(t)
	if second.User.ID != first.User.ID || second.Session.ID == first.Session.ID {
		t.Error("the second sign-in is another user or the same session")
	}
}

func TestProviders_lists_what_a_login_page_offers(t *testing.T) {
	t.Parallel()
	got := newRig(t, nil).SSO.Providers()
	if len(got) != 2 || got[0] != (sso.Provider{ID: "corp", Name: "Example Corp", Type: "oidc"}) {
		t.Errorf("got %v", got)
	}
}

func TestD08_a_start_must_be_right(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, test := range map[string]struct {
		change func(in *sso.StartInput)
		want   error
	}{
		"an address that is not listed":   {func(in *sso.StartInput) { in.RedirectURI = "https://evil.example/" }, fault.ErrInvalid},
		"an address below a listed one":   {func(in *sso.StartInput) { in.RedirectURI = app + "/x" }, fault.ErrInvalid},
		"an address with a query":         {func(in *sso.StartInput) { in.RedirectURI = app + "?next=evil" }, fault.ErrInvalid},
		"an address in other letters":     {func(in *sso.StartInput) { in.RedirectURI = strings.ToUpper(app) }, fault.ErrInvalid},
		"no address":                      {func(in *sso.StartInput) { in.RedirectURI = "" }, fault.ErrInvalid},
		"a plain challenge":               {func(in *sso.StartInput) { in.ChallengeMethod = "plain" }, fault.ErrInvalid},
		"a challenge without a method":    {func(in *sso.StartInput) { in.ChallengeMethod = "" }, fault.ErrInvalid},
		"a challenge that is no digest":   {func(in *sso.StartInput) { in.Challenge = "short" }, fault.ErrInvalid},
		"a state without end":             {func(in *sso.StartInput) { in.State = strings.Repeat("s", 2000) }, fault.ErrInvalid},
		"a directory that does not exist": {func(in *sso.StartInput) { in.Directory = "nowhere" }, fault.ErrNotFound},
		"a directory of passwords":        {func(in *sso.StartInput) { in.Directory = "local" }, fault.ErrNotFound},
	} {
		in := startInput()
		test.change(&in)
		if _, err := r.SSO.Start(t.Context(), someone(), in); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestD08_a_flow_is_used_once_by_its_own_browser_in_time(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(r *rig, in *sso.CallbackInput)
		reason string
	}{
		"without the cookie": {func(_ *rig, in *sso.CallbackInput) { in.Cookie = func(string) string { return "" } }, "not the one that began"},
		"with the cookie of another": {func(_ *rig, in *sso.CallbackInput) {
			in.Cookie = func(string) string { return strings.Repeat("A", 43) }
		}, "not the one that began"},
		"eleven minutes later":        {func(r *rig, _ *sso.CallbackInput) { r.Clock.Forward(11 * time.Minute) }, "too old"},
		"with another state":          {func(_ *rig, in *sso.CallbackInput) { in.Answer.State = "other" }, "unknown"},
		"without a state":             {func(_ *rig, in *sso.CallbackInput) { in.Answer.State = "" }, "unknown"},
		"at the callback of another":  {func(_ *rig, in *sso.CallbackInput) { in.Directory = "other" }, "another provider"},
		"with a state without end":    {func(_ *rig, in *sso.CallbackInput) { in.Answer.State = strings.Repeat("s", 9999) }, "unknown"},
		"at a callback that is not":   {func(_ *rig, in *sso.CallbackInput) { in.Directory = "nowhere" }, "another provider"},
		"with the state of somewhere": {func(_ *rig, in *sso.CallbackInput) { in.Answer.State += "x" }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			right := r.answer(t, r.start(t, startInput()))
			spoiled := right
			test.change(r, &spoiled)
			returned, err := r.SSO.Callback(t.Context(), someone(), spoiled)
			if !errors.Is(err, domain.ErrRedirectLogin) || returned.URL != "" {
				t.Fatalf("got %v and %q", err, returned.URL)
			}
			if got := r.reasons(t); len(got) != 1 || !strings.Contains(got[0], test.reason) {
				t.Errorf("the audit trail says %q, want %q", got, test.reason)
			}
		})
	}
}

func TestD08_a_flow_is_used_up_whatever_comes_of_it(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	right := r.answer(t, r.start(t, startInput()))
	stolen := right
	stolen.Cookie = func(string) string { return "" }
	for _, in := range []sso.CallbackInput{stolen, right} {
		if _, err := r.SSO.Callback(t.Context(), someone(), in); !errors.Is(err, domain.ErrRedirectLogin) {
			t.Errorf("got %v", err)
		}
	}
	once := r.answer(t, r.start(t, startInput()))
	r.back(t, once)
	if _, err := r.SSO.Callback(t.Context(), someone(), once); !errors.Is(err, domain.ErrRedirectLogin) {
		t.Errorf("the second time: %v", err)
	}
}

func TestD08_two_tabs_do_not_hinder_each_other(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first, second := r.start(t, startInput()), r.start(t, startInput())
	if r.back(t, r.answer(t, second)).Get("code") == "" || r.back(t, r.answer(t, first)).Get("code") == "" {
		t.Errorf("refused: %v", r.reasons(t))
	}
}

func TestD08_a_code_works_once_for_its_client_within_a_minute(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	if _, err := r.exchange(t, code); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("twice: %v", err)
	}
	code = r.code(t)
	if _, err := r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{Code: code, Verifier: "another"}); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("with another verifier: %v", err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("after a wrong verifier: %v", err)
	}
	for _, code := range []string{r.code(t) + "x", r.code(t)[1:], r.code(t) + "\n"} {
		if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("changed: %v", err)
		}
	}
	code = r.code(t)
	r.Clock.Forward(61 * time.Second)
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("after a minute: %v", err)
	}
}

func TestD08_a_client_without_PKCE_needs_no_verifier_and_may_not_bring_one(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	plain := startInput()
	plain.Challenge, plain.ChallengeMethod = "", ""
	code := r.back(t, r.answer(t, r.start(t, plain))).Get("code")
	if _, err := r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{Code: code}); err != nil {
		t.Error(err)
	}
	code = r.back(t, r.answer(t, r.start(t, plain))).Get("code")
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("with a verifier that nobody asked for: %v", err)
	}
}

func TestD08_of_many_racing_exchanges_one_wins(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	var won atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := r.over().Exchange(t.Context(), someone(), sso.ExchangeInput{Code: code, Verifier: verifier}); err == nil {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 got a session", won.Load())
	}
}

func TestD12_people_whom_nobody_knows_need_just_in_time(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.JustInTime = false })
	query := r.back(t, r.answer(t, r.start(t, startInput())))
	if query.Get("error") != "access_denied" {
		t.Errorf("the client got %v", query)
	}
	if got := r.reasons(t); len(got) != 1 || got[0] != "not_provisioned" {
		t.Errorf("the audit trail says %q", got)
	}
}

func TestD12_a_user_who_may_not_sign_in_is_refused_at_each_step(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	code := r.code(t)
	if _, err := r.Account.Deactivate(t.Context(), domain.Operator(), signedIn.User.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("with a code from before: %v", err)
	}
	query := r.back(t, r.answer(t, r.start(t, startInput())))
	if query.Get("error") != "access_denied" {
		t.Errorf("the client got %v", query)
	}
	if got := r.reasons(t); len(got) != 2 || got[0] != "deactivated" || got[1] != "deactivated" {
		t.Errorf("the audit trail says %q", got)
	}
}

func TestD07_a_start_at_a_provider_that_is_down_is_an_outage(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.Issuer = "http://127.0.0.1:1" })
	if _, err := r.SSO.Start(t.Context(), someone(), startInput()); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("got %v", err)
	}
	other := startInput()
	other.Directory = "other"
	if _, err := r.SSO.Start(t.Context(), someone(), other); err != nil {
		t.Errorf("the other provider: %v", err)
	}
}

func TestD08_starts_of_one_address_are_limited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 60 {
		r.start(t, startInput())
	}
	if _, err := r.SSO.Start(t.Context(), someone(), startInput()); !errors.Is(err, fault.ErrRateLimited) {
		t.Errorf("got %v", err)
	}
}
