package sso_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/sso"
)

// signedInBefore returns a user of the provider whose session was authenticated 20 minutes ago.
func (r *rig) signedInBefore(t *testing.T) domain.Principal {
	t.Helper()
	signedIn := r.signIn(t)
	_, err := r.Store.Sessions().Update(t.Context(), signedIn.Session.ID, func(x *domain.Session, _ *domain.Outbox) error {
		x.AuthTime = r.Clock.Now().Add(-20 * time.Minute)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.principal(t, signedIn)
}

func (r *rig) principal(t *testing.T, of auth.SignedIn) domain.Principal {
	t.Helper()
	p, err := r.Auth.Authenticate(t.Context(), of.Tokens.Access, someone().Origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// offer requests a step-up and returns the start input with its mark.
func (r *rig) offer(t *testing.T, p domain.Principal) sso.StartInput {
	t.Helper()
	_, err := r.Auth.StepUp(t.Context(), p, auth.StepUpInput{})
	if !errors.Is(err, domain.ErrReauthentication) || fault.Of(err).Extra()["provider"] != "corp" {
		t.Fatalf("requesting a step-up: %v", err)
	}
	in := startInput()
	if in.StepUp, err = r.SSO.OfferStepUp(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return in
}

func (r *rig) stepUp(t *testing.T, p domain.Principal, code string) (auth.SteppedUp, error) {
	t.Helper()
	return r.SSO.StepUp(t.Context(), p, sso.ExchangeInput{Code: code, Verifier: verifier})
}

func (r *rig) authTime(t *testing.T, p domain.Principal) time.Time {
	t.Helper()
	session, err := r.Store.Sessions().Get(t.Context(), p.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	return session.AuthTime
}

func signedInNow(c map[string]any) { c["auth_time"] = time.Now().Unix() }

func TestProviderUserStepsUpAtTheProvider(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.signedInBefore(t)
	sessions := len(r.Logged(t, domain.ActionLogin))
	r.claims(signedInNow)
	started := r.start(t, r.offer(t, p))
	if u, err := url.Parse(started.URL); err != nil || u.Query().Get("max_age") != "0" ||
		u.Query().Get("prompt") != "login" {
		t.Errorf("the browser is sent to %s", started.URL)
	}
	renewed, err := r.stepUp(t, p, r.back(t, r.answer(t, started)).Code)
	if err != nil || renewed.SessionID != p.SessionID {
		t.Fatalf("got %+v, %v; %v", renewed, err, r.reasons(t))
	}
	if age := r.Clock.Now().Sub(r.authTime(t, p)); age > 5*time.Minute {
		t.Errorf("the session's authentication is %s old", age)
	}
	if got := len(r.Logged(t, domain.ActionLogin)); got != sessions {
		t.Errorf("%d sessions were started", got-sessions)
	}
	if entries := r.Logged(t, domain.ActionStepUp); len(entries) != 1 || !entries[0].Success ||
		entries[0].Details["method"] != "oidc" {
		t.Errorf("the audit log has %+v", entries)
	}
}

func TestStepUpRefusesStaleLoginAndOtherUser(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claims func(c map[string]any)
		reason string
	}{
		"an old sign-in": {func(c map[string]any) { c["auth_time"] = time.Now().Add(-time.Hour).Unix() }, ""},
		"no time":        {func(map[string]any) {}, "the token lacks auth_time, which max_age asks for"},
		"another subject": {
			func(c map[string]any) { signedInNow(c); c["sub"] = "u2" },
			"another person signed in at the provider",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			p := r.signedInBefore(t)
			before := r.authTime(t, p)
			r.claims(tc.claims)
			returned := r.back(t, r.answer(t, r.start(t, r.offer(t, p))))
			if returned.Err == nil || returned.Code != "" {
				t.Errorf("the client got %+v", returned)
			}
			entries := r.Logged(t, domain.ActionStepUp)
			if len(entries) != 1 || entries[0].Success || tc.reason != "" && entries[0].Details["reason"] != tc.reason {
				t.Errorf("the audit log has %+v", entries)
			}
			if !r.authTime(t, p).Equal(before) {
				t.Error("the session was renewed")
			}
			if _, err := r.Store.Users().FindBySubject(t.Context(), "corp", "u2"); !errors.Is(err, domain.ErrUserNotFound) {
				t.Errorf("a user was provisioned: %v", err)
			}
		})
	}
}

func TestStepUpCodeIsBoundToItsSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.signedInBefore(t)
	other := r.principal(t, r.signIn(t))
	before := r.authTime(t, p)
	code := func() string {
		r.claims(signedInNow)
		return r.back(t, r.answer(t, r.start(t, r.offer(t, p)))).Code
	}
	if _, err := r.stepUp(t, other, code()); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("by another session: %v", err)
	}
	if signedIn, err := r.exchange(t, code()); !errors.Is(err, fault.ErrUnauthorized) || signedIn.Tokens.Access != "" {
		t.Errorf("as a login: %v", err)
	}
	if _, err := r.stepUp(t, p, r.code(t)); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("the code of a login: %v", err)
	}
	if _, err := r.SSO.StepUp(t.Context(), p, sso.ExchangeInput{Code: code(), Verifier: verifier + "x"}); !errors.Is(err,
		domain.ErrInvalidToken) {
		t.Errorf("with another verifier: %v", err)
	}
	if !r.authTime(t, p).Equal(before) {
		t.Error("the session was renewed")
	}
	once := code()
	if _, err := r.stepUp(t, p, once); err != nil {
		t.Errorf("by its session: %v", err)
	}
	if _, err := r.stepUp(t, p, once); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("second use: %v", err)
	}
}

func TestStepUpMarkWorksOnceWithItsProvider(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.signedInBefore(t)
	in := r.offer(t, p)
	r.start(t, in)
	wrong := r.offer(t, p)
	wrong.Directory = "other"
	late := r.offer(t, p)
	unknown := startInput()
	unknown.StepUp = "unknown"
	r.Clock.Forward(sso.FlowLife - time.Second)
	for name, start := range map[string]sso.StartInput{"used": in, "of another provider": wrong, "unknown": unknown} {
		if _, err := r.SSO.Start(t.Context(), someone(), start); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Clock.Forward(time.Second)
	if _, err := r.SSO.Start(t.Context(), someone(), late); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("too old: %v", err)
	}
}
