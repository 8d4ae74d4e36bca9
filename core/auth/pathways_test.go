package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/kit"
)

// ways returns all ways to authenticate or to continue a session. Each returns the resulting principal or the error.
func ways(t *testing.T, s *kit.Services, name string) map[string]func() (domain.Principal, error) {
	t.Helper()
	in, p := s.SignIn(t, name, promised, "203.0.113.9")
	key, err := s.Keys.Create(t.Context(), p, p.UserID, apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}})
	if err != nil {
		t.Fatal(err)
	}
	as := func(credential string) (domain.Principal, error) {
		return s.Auth.Authenticate(t.Context(), credential, kit.Origin)
	}
	signIn := func(kind domain.SessionKind) (domain.Principal, error) {
		got, err := s.Auth.Login(t.Context(), kit.From("203.0.113.9"),
			auth.LoginInput{Name: name, Password: promised, Kind: kind})
		if err != nil {
			return domain.Principal{}, err
		}
		return as(got.Tokens.Access + got.Tokens.Key)
	}
	return map[string]func() (domain.Principal, error){
		"login":        func() (domain.Principal, error) { return signIn(domain.SessionLogin) },
		"key login":    func() (domain.Principal, error) { return signIn(domain.SessionKey) },
		"access token": func() (domain.Principal, error) { return as(in.Tokens.Access) },
		"API key":      func() (domain.Principal, error) { return as(key.Text) },
		"refresh": func() (domain.Principal, error) {
			next, err := s.Auth.Refresh(t.Context(), kit.From("203.0.113.9"), in.Tokens.Refresh)
			if err != nil {
				return domain.Principal{}, err
			}
			return as(next.Tokens.Access)
		},
	}
}

func TestEveryAuthenticationPathEnforcesUserState(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		apply func(t *testing.T, s *kit.Services, id domain.UserID)
		// refused maps the ways that end with an error. All others succeed, restricted or not.
		refused    map[string]error
		restricted bool
	}{
		"deactivated": {
			apply: func(t *testing.T, s *kit.Services, id domain.UserID) {
				t.Helper()
				_, err := s.Account.Deactivate(t.Context(), domain.Operator(), id)
				must(t, err)
			},
			refused: map[string]error{
				"login": fault.ErrUnauthorized, "key login": fault.ErrUnauthorized, "access token": fault.ErrUnauthorized,
				"API key": fault.ErrUnauthorized, "refresh": fault.ErrUnauthorized,
			},
		},
		"purged": {
			apply: func(t *testing.T, s *kit.Services, id domain.UserID) {
				t.Helper()
				_, err := s.Account.Purge(t.Context(), domain.Operator(), id, nil)
				must(t, err)
			},
			refused: map[string]error{
				"login": fault.ErrUnauthorized, "key login": fault.ErrUnauthorized, "access token": fault.ErrUnauthorized,
				"API key": fault.ErrUnauthorized, "refresh": fault.ErrUnauthorized,
			},
		},
		"second factor becomes mandatory": {
			apply: func(t *testing.T, s *kit.Services, _ domain.UserID) {
				t.Helper()
				_, err := s.Settings.Patch(t.Context(), domain.Operator(), settings.Patch{
					"two_factor.enabled": true, "two_factor.required_for_roles": []string{"user"},
				}, 0)
				must(t, err)
			},
			restricted: true,
		},
		"password expired": {
			apply: func(t *testing.T, s *kit.Services, id domain.UserID) {
				t.Helper()
				_, err := s.Store.Users().Update(t.Context(), id, func(u *domain.User, _ *domain.Outbox) error {
					u.Password.MustChange = true
					return nil
				})
				must(t, err)
			},
			refused: map[string]error{"login": domain.ErrPasswordExpired, "key login": domain.ErrPasswordExpired},
		},
		"locked": {
			apply: func(t *testing.T, s *kit.Services, id domain.UserID) {
				t.Helper()
				must(t, s.Store.AttemptStore().Update(t.Context(), "user:"+string(id), s.Clock.Now(),
					func(a *domain.Attempts, _ *domain.Outbox) error {
						a.Locks = map[string]time.Time{"203.0.113.9": s.Clock.Now().Add(time.Hour)}
						return nil
					}))
			},
			refused: map[string]error{"login": domain.ErrAccountLocked, "key login": domain.ErrAccountLocked},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "root", promised, "admin") // the purged user must not be the last administrator
			john := s.Register(t, "john", promised, "user")
			in := ways(t, s, "john")
			tc.apply(t, s, john.ID)
			for way, try := range in {
				p, err := try()
				if want := tc.refused[way]; !errors.Is(err, want) {
					t.Errorf("%s: got error %v, want %v", way, err, want)
				}
				if err == nil && (p.Scope == domain.ScopeEnrollment) != tc.restricted {
					t.Errorf("%s: the scope is %q", way, p.Scope)
				}
			}
		})
	}
}

func TestPasswordResetDoesNotBypassSecondFactor(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	john := s.Register(t, "john", promised, "user")
	_, by := s.SignIn(t, "john", promised, "203.0.113.9")
	enrollment, err := s.Factor.Enroll(t.Context(), by, john.ID, factor.EnrollInput{})
	must(t, err)
	code, err := totp.GenerateCode(enrollment.Setup.Secret, s.Clock.Now())
	must(t, err)
	must(t, s.Factor.Activate(t.Context(), by, john.ID, code))
	token, _, err := s.Account.ResetLink(t.Context(), domain.Operator(), john.ID)
	must(t, err)
	const next = "Staple-9-Wagon-Umbrella"
	must(t, s.Account.Reset(t.Context(), kit.From("203.0.113.9"), token, next))
	_, err = s.Auth.Login(t.Context(), kit.From("203.0.113.9"), auth.LoginInput{Name: "john", Password: next})
	if !errors.Is(err, domain.ErrTwoFactorRequired) {
		t.Errorf("login after a reset: %v, want ErrTwoFactorRequired", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
