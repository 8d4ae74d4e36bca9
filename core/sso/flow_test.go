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

func TestProviderLoginCreatesUserAndSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first := r.signIn(t)
	if !r.isLive(t, first) || first.User.Username != "mallory" || first.User.Directory != "corp" ||
		first.User.Role != domain.RoleUser {
		t.Errorf("user %s, directory %s, role %s", first.User.Username, first.User.Directory, first.User.Role)
	}
	if first.Session.Provider.ID != "sid-1" || len(first.Session.Provider.IDToken) == 0 ||
		strings.Contains(string(first.Session.Provider.IDToken), "eyJ") {
		t.Error("the provider's session is not stored, or its token is not sealed")
	}
	entries := r.Logged(t, domain.ActionLogin)
	if len(entries) != 1 || entries[0].Details["method"] != "oidc" || entries[0].UserID != string(first.User.ID) {
		t.Errorf("the audit log has %v", entries)
	}
}

func TestRenamedSubjectStaysTheSameUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first := r.signIn(t)
	r.claims(func(c map[string]any) { c["preferred_username"], c["email"] = "renamed", "other@example.org" })
	second := r.signIn(t)
	if second.User.ID != first.User.ID || second.Session.ID == first.Session.ID {
		t.Error("the second login is a different user or the same session")
	}
}

func TestProvidersListsConfiguredProviders(t *testing.T) {
	t.Parallel()
	got := newRig(t, nil).SSO.Providers()
	if len(got) != 2 || got[0] != (sso.Provider{ID: "corp", Name: "Example Corp", Type: "oidc"}) {
		t.Errorf("got %v", got)
	}
}

func TestStartValidatesInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, test := range map[string]struct {
		change func(in *sso.StartInput)
		want   error
	}{
		"unlisted redirect URI": {
			func(in *sso.StartInput) { in.RedirectURI = "https://evil.example/" },
			fault.ErrInvalid,
		},
		"path below a listed URI": {func(in *sso.StartInput) { in.RedirectURI = app + "/x" }, fault.ErrInvalid},
		"listed URI with a query": {
			func(in *sso.StartInput) { in.RedirectURI = app + "?next=evil" },
			fault.ErrInvalid,
		},
		"listed URI in upper case": {
			func(in *sso.StartInput) { in.RedirectURI = strings.ToUpper(app) },
			fault.ErrInvalid,
		},
		"no redirect URI":                  {func(in *sso.StartInput) { in.RedirectURI = "" }, fault.ErrInvalid},
		"a plain challenge":                {func(in *sso.StartInput) { in.ChallengeMethod = "plain" }, fault.ErrInvalid},
		"a challenge without a method":     {func(in *sso.StartInput) { in.ChallengeMethod = "" }, fault.ErrInvalid},
		"a challenge that is not a digest": {func(in *sso.StartInput) { in.Challenge = "short" }, fault.ErrInvalid},
		"a state that is too long": {
			func(in *sso.StartInput) { in.State = strings.Repeat("s", 2000) },
			fault.ErrInvalid,
		},
		"a directory that does not exist": {func(in *sso.StartInput) { in.Directory = "nowhere" }, fault.ErrNotFound},
		"a directory with passwords":      {func(in *sso.StartInput) { in.Directory = "local" }, fault.ErrNotFound},
	} {
		in := startInput()
		test.change(&in)
		if _, err := r.SSO.Start(t.Context(), someone(), in); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlowIsBoundToBrowserProviderAndTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(r *rig, in *sso.CallbackInput)
		reason string
	}{
		"without the secret": {func(_ *rig, in *sso.CallbackInput) { in.Secret = "" }, "not the one that began"},
		"with the secret of another browser": {func(_ *rig, in *sso.CallbackInput) {
			in.Secret = strings.Repeat("A", 43)
		}, "not the one that began"},
		"eleven minutes later": {
			func(r *rig, _ *sso.CallbackInput) { r.Clock.Forward(11 * time.Minute) },
			"too old",
		},
		"with another state": {func(_ *rig, in *sso.CallbackInput) { in.Answer.State = "other" }, "unknown"},
		"without a state":    {func(_ *rig, in *sso.CallbackInput) { in.Answer.State = "" }, "unknown"},
		"at the callback of another provider": {
			func(_ *rig, in *sso.CallbackInput) { in.Directory = "other" },
			"another provider",
		},
		"with a state that is too long": {
			func(_ *rig, in *sso.CallbackInput) { in.Answer.State = strings.Repeat("s", 9999) },
			"unknown",
		},
		"at an unknown callback": {func(_ *rig, in *sso.CallbackInput) { in.Directory = "nowhere" }, "another provider"},
		"with a changed state":   {func(_ *rig, in *sso.CallbackInput) { in.Answer.State += "x" }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			right := r.answer(t, r.start(t, startInput()))
			spoiled := right
			test.change(r, &spoiled)
			returned, err := r.SSO.Callback(t.Context(), someone(), spoiled)
			if !errors.Is(err, domain.ErrRedirectLogin) || returned.Code != "" {
				t.Fatalf("got %v and %q", err, returned.Code)
			}
			if got := r.reasons(t); len(got) != 1 || !strings.Contains(got[0], test.reason) {
				t.Errorf("audit reasons %q, want %q", got, test.reason)
			}
		})
	}
}

func TestFlowIsConsumedInAnyCase(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	right := r.answer(t, r.start(t, startInput()))
	stolen := right
	stolen.Secret = ""
	for _, in := range []sso.CallbackInput{stolen, right} {
		if _, err := r.SSO.Callback(t.Context(), someone(), in); !errors.Is(err, domain.ErrRedirectLogin) {
			t.Errorf("got %v", err)
		}
	}
	once := r.answer(t, r.start(t, startInput()))
	r.back(t, once)
	if _, err := r.SSO.Callback(t.Context(), someone(), once); !errors.Is(err, domain.ErrRedirectLogin) {
		t.Errorf("second use: %v", err)
	}
}

func TestConcurrentFlowsInOneBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first, second := r.start(t, startInput()), r.start(t, startInput())
	if r.back(t, r.answer(t, second)).Code == "" || r.back(t, r.answer(t, first)).Code == "" {
		t.Errorf("refused: %v", r.reasons(t))
	}
}

func TestCodeWorksOnceForItsClientWithinAMinute(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	if _, err := r.exchange(t, code); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("second use: %v", err)
	}
	code = r.code(t)
	if _, err := r.SSO.Exchange(t.Context(), someone(),
		sso.ExchangeInput{Code: code, Verifier: "another"}); !errors.Is(err, fault.ErrUnauthorized) {
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

func TestClientWithoutPKCEMustNotSendVerifier(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	plain := startInput()
	plain.Challenge, plain.ChallengeMethod = "", ""
	code := r.back(t, r.answer(t, r.start(t, plain))).Code
	if _, err := r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{Code: code}); err != nil {
		t.Error(err)
	}
	code = r.back(t, r.answer(t, r.start(t, plain))).Code
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("with an unexpected verifier: %v", err)
	}
}

func TestConcurrentExchangesOneSucceeds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	var won atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := r.over(t).Exchange(t.Context(), someone(),
				sso.ExchangeInput{Code: code, Verifier: verifier}); err == nil {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 exchanges succeeded, want 1", won.Load())
	}
}

func TestUnknownIdentityRequiresJustInTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.JustInTime = false })
	returned := r.back(t, r.answer(t, r.start(t, startInput())))
	if returned.Err == nil {
		t.Errorf("the client got %+v", returned)
	}
	if got := r.reasons(t); len(got) != 1 || got[0] != "not_provisioned" {
		t.Errorf("audit reasons %q", got)
	}
}

func TestDeactivatedUserIsRefusedAtEachStep(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	code := r.code(t)
	if _, err := r.Account.Deactivate(t.Context(), domain.Operator(), signedIn.User.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("with a code issued before: %v", err)
	}
	returned := r.back(t, r.answer(t, r.start(t, startInput())))
	if returned.Err == nil {
		t.Errorf("the client got %+v", returned)
	}
	if got := r.reasons(t); len(got) != 2 || got[0] != "deactivated" || got[1] != "deactivated" {
		t.Errorf("audit reasons %q", got)
	}
}

func TestStartReportsUnavailableProvider(t *testing.T) {
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

func TestStartsAreRateLimitedPerAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 60 {
		r.start(t, startInput())
	}
	if _, err := r.SSO.Start(t.Context(), someone(), startInput()); !errors.Is(err, fault.ErrRateLimited) {
		t.Errorf("got %v", err)
	}
}
