package sso_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/sso"
)

func countsMFA(s *oidcdir.Settings) { s.SecondFactor.AMR = []string{"mfa"} }

// enroll activates a second factor for the user, and returns the backup codes.
func (r *rig) enroll(t *testing.T, signedIn auth.SignedIn) []string {
	t.Helper()
	p, err := r.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, someone().Origin)
	if err != nil {
		t.Fatal(err)
	}
	enrollment, err := r.Factor.Enroll(t.Context(), p, p.UserID, factor.EnrollInput{})
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(enrollment.Setup.Secret, r.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Factor.Activate(t.Context(), p, p.UserID, code); err != nil {
		t.Fatal(err)
	}
	return enrollment.BackupCodes
}

func TestSecondFactorAppliesToProviderLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	codes := r.enroll(t, r.signIn(t))
	r.claims(func(c map[string]any) { c["amr"] = []string{"pwd", "mfa"} }) // not configured to count
	first := r.code(t)
	_, err := r.exchange(t, first)
	if !errors.Is(err, domain.ErrTwoFactorRequired) {
		t.Fatalf("without a code: %v", err)
	}
	second := nextCode(t, err)
	if _, err = r.exchange(t, first); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("the first code again: %v", err)
	}
	_, err = r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{
		Code: second, Verifier: verifier,
		TwoFactorCode: "000000",
	})
	if !errors.Is(err, domain.ErrTwoFactorLogin) {
		t.Fatalf("with a wrong code: %v", err)
	}
	third := nextCode(t, err)
	signedIn, err := r.SSO.Exchange(t.Context(), someone(),
		sso.ExchangeInput{Code: third, Verifier: verifier, TwoFactorCode: codes[0]})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(signedIn.Session.Methods, "otp") ||
		slices.Contains(signedIn.Session.Methods, domain.MethodProviderFactor) {
		t.Errorf("the methods are %v", signedIn.Session.Methods)
	}
	if got := r.Logged(t, domain.ActionTwoFactorFailed); len(got) != 1 {
		t.Errorf("%d wrong codes in the audit log, want 1", len(got))
	}
}

// nextCode returns the new code in an error.
func nextCode(t *testing.T, err error) string {
	t.Helper()
	code, _ := fault.Of(err).Extra()["code"].(string)
	if code == "" {
		t.Fatalf("no new code in %v", err)
	}
	return code
}

func TestProviderLoginLimitsSecondFactorAttempts(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.enroll(t, r.signIn(t))
	_, err := r.exchange(t, r.code(t))
	for range 20 {
		code, _ := fault.Of(err).Extra()["code"].(string)
		if code == "" {
			break
		}
		_, err = r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{
			Code: code, Verifier: verifier,
			TwoFactorCode: "000000",
		})
	}
	if !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("after twenty attempts: %v", err)
	}
}

func TestProviderSecondFactorCountsIfConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t, countsMFA)
	r.enroll(t, r.signIn(t))
	r.claims(func(c map[string]any) { c["amr"] = []string{"pwd", "mfa", domain.MethodProviderFactor} })
	signedIn := r.signIn(t)
	if !slices.Contains(signedIn.Session.Methods, domain.MethodProviderFactor) || signedIn.Scope != "" {
		t.Errorf("methods %v, scope %q", signedIn.Session.Methods, signedIn.Scope)
	}
	r.claims(func(c map[string]any) { c["amr"] = []string{"pwd", domain.MethodProviderFactor} })
	if _, err := r.exchange(t, r.code(t)); !errors.Is(err, domain.ErrTwoFactorRequired) {
		t.Errorf("with only a password: %v", err)
	}
}

func TestProviderSecondFactorSatisfiesRoleRequirement(t *testing.T) {
	t.Parallel()
	r := newRig(t, countsMFA)
	_, err := r.Settings.Patch(t.Context(), domain.Operator(), settings.Patch{
		"two_factor.enabled": true, "two_factor.required_for_roles": []string{"user"},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.signIn(t).Scope; got != domain.ScopeEnrollment {
		t.Errorf("without a second factor: scope %q", got)
	}
	r.claims(func(c map[string]any) { c["amr"] = []string{"mfa"} })
	signedIn := r.signIn(t)
	p, err := r.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, someone().Origin)
	if err != nil || p.Scope != "" || signedIn.Scope != "" {
		t.Errorf("with the provider's second factor: scopes %q and %q, error %v", signedIn.Scope, p.Scope, err)
	}
	again, err := r.Auth.Refresh(t.Context(), someone(), signedIn.Tokens.Refresh)
	if err != nil || again.Scope != "" {
		t.Errorf("after a refresh: scope %q, error %v", again.Scope, err)
	}
}

func TestProviderAuthTimeIsUsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.claims(func(c map[string]any) { c["auth_time"] = r.Clock.Now().Unix() - 3600 })
	signedIn := r.signIn(t)
	if age := r.Clock.Now().Sub(signedIn.Session.AuthTime).Minutes(); age < 59 || age > 61 {
		t.Errorf("authenticated %.0f minutes ago, want 60", age)
	}
}
