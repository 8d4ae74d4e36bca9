package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

// tokenOf returns the token in the first letter that holds one.
func tokenOf(t *testing.T, letters []domain.Letter) string {
	t.Helper()
	for _, letter := range letters {
		if _, rest, found := strings.Cut(letter.Text, "?token="); found {
			return strings.Fields(rest)[0]
		}
	}
	t.Fatal("no letter holds a token")
	return ""
}

// wantLetters wants exactly these subjects, each to its address, in the queue.
func wantLetters(t *testing.T, s *kit.Services, want ...string) {
	t.Helper()
	var got []string
	for _, letter := range s.Letters(t) {
		got = append(got, letter.To+": "+letter.Subject)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the letters differ (-want +got):\n%s", diff)
	}
}

const changed = "ada@example.com: Your password has been changed"

func TestA21_A13_EveryWayOfChangingAPasswordIsTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, s *kit.Services, ada account.Profile) error
		want   []string
	}{
		"by the person": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			_, by := s.SignIn(t, "ada", right, home)
			return s.Account.ChangePassword(t.Context(), by, ada.ID, account.PasswordChange{Current: right, Next: word})
		}, []string{changed}},
		"by the person without the present one, where a client may": {func(t *testing.T, s *kit.Services, _ account.Profile) error {
			t.Helper()
			_, by := s.SignIn(t, "ada", right, home)
			return s.Account.ResetOwn(t.Context(), by, word)
		}, []string{changed}},
		"by an administrator": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			s.Register(t, "root", right, "admin")
			_, by := s.SignIn(t, "root", right, home)
			return s.Account.SetPassword(t.Context(), by, ada.ID, word)
		}, []string{changed}},
		"by the operator": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			return s.Account.SetPassword(t.Context(), domain.Operator(), ada.ID, word)
		}, []string{changed}},
		"by a reset link": {func(t *testing.T, s *kit.Services, _ account.Profile) error {
			t.Helper()
			if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
				return err
			}
			return s.Account.Reset(t.Context(), kit.From(home), tokenOf(t, s.Letters(t)), word)
		}, []string{changed}},
		"by an administrator's link": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			token, _, err := s.Account.ResetLink(t.Context(), domain.Operator(), ada.ID)
			if err != nil {
				return err
			}
			return s.Account.Reset(t.Context(), kit.From(home), token, word)
		}, []string{changed}},
		"by a forced change": {func(t *testing.T, s *kit.Services, _ account.Profile) error {
			t.Helper()
			s.Clock.Forward(91 * 24 * time.Hour)
			err := login(t, s, "ada", right, home)
			token, ok := fault.Of(err).Extra()["change_token"].(string)
			if !ok {
				t.Fatalf("an expired password gives no change_token: %v", err)
			}
			return s.Account.Reset(t.Context(), kit.From(home), token, word)
		}, []string{changed}},
		"not where it was refused": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			_, by := s.SignIn(t, "ada", right, home)
			err := s.Account.ChangePassword(t.Context(), by, ada.ID, account.PasswordChange{Current: "wrong-Horse-7", Next: word})
			if !errors.Is(err, domain.ErrCurrentPassword) {
				t.Errorf("a wrong present one is %v", err)
			}
			return nil
		}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			ada := s.Register(t, "ada", right, "user")
			s.Letters(t)
			if err := tc.change(t, s, ada); err != nil {
				t.Fatal(err)
			}
			wantLetters(t, s, tc.want...)
		})
	}
}

func TestA21_A13_AChangeInTheDirectoryIsTold(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	signedIn, err := signInto(t, s, "bob", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	bob := signedIn.User
	told := bob.Email + ": Your password has been changed"
	err = s.Account.ChangePassword(t.Context(), s.As(t, bob), bob.ID, account.PasswordChange{Current: openldap.Password, Next: word})
	if err != nil {
		t.Fatal(err)
	}
	wantLetters(t, s, told)
	if err := s.Account.SetPassword(t.Context(), domain.Operator(), bob.ID, "Yet-an0ther-word!"); err != nil {
		t.Fatal(err)
	}
	wantLetters(t, s, told)
	_, err = signInto(t, s, "mustchange", openldap.Password)
	token, _ := fault.Of(err).Extra()["change_token"].(string)
	if err := s.Account.Reset(t.Context(), kit.From(home), token, word); err != nil {
		t.Fatal(err)
	}
	if letters := s.Letters(t); len(letters) != 1 || letters[0].Subject != "Your password has been changed" {
		t.Errorf("after a forced change there are %d letters", len(letters))
	}
}

func TestA21_ANewAddressIsToldToTheFormerOne(t *testing.T) {
	t.Parallel()
	address := "new@example.com"
	want := []string{"ada@example.com: Your e-mail address has been changed", "new@example.com: Confirm your e-mail address"}
	for _, name := range []string{"root", "operator"} {
		s := kit.Start(t, kit.Options{})
		ada := s.Register(t, "ada", right, "user")
		s.Register(t, "root", right, "admin")
		s.Letters(t)
		by := domain.Operator()
		if name != "operator" {
			_, by = s.SignIn(t, name, right, home)
		}
		if _, err := s.Account.Update(t.Context(), by, ada.ID, account.Patch{Email: &address}); err != nil {
			t.Fatal(err)
		}
		wantLetters(t, s, want...)
	}
}

// withFactor enrolls the user.
func withFactor(t *testing.T, s *kit.Services, by domain.Principal) {
	t.Helper()
	shown, err := s.Factor.Enroll(t.Context(), by, by.UserID, factor.EnrollInput{})
	must(t, err)
	code, err := totp.GenerateCode(shown.Setup.Secret, s.Clock.Now())
	must(t, err)
	must(t, s.Factor.Activate(t.Context(), by, by.UserID, code))
}

func TestA21_ASecondFactorOnAndOffIsTold(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]func(*testing.T, *kit.Services, domain.Principal) domain.Principal{
		"by the person":   func(_ *testing.T, _ *kit.Services, by domain.Principal) domain.Principal { return by },
		"by the operator": func(*testing.T, *kit.Services, domain.Principal) domain.Principal { return domain.Operator() },
		"by an administrator": func(t *testing.T, s *kit.Services, _ domain.Principal) domain.Principal {
			t.Helper()
			s.Register(t, "root", right, "admin")
			_, by := s.SignIn(t, "root", right, home)
			return by
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			ada := s.Register(t, "ada", right, "user")
			_, by := s.SignIn(t, "ada", right, home)
			s.Letters(t)
			withFactor(t, s, by)
			wantLetters(t, s, "ada@example.com: Two-factor authentication is on")
			if err := s.Factor.Disable(t.Context(), off(t, s, by), ada.ID, factor.Proof{}); err != nil {
				t.Fatal(err)
			}
			wantLetters(t, s, "ada@example.com: Two-factor authentication is off")
		})
	}
}

func TestA21_ANewKeyIsTold(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	ada := s.Register(t, "ada", right, "operator")
	s.Register(t, "root", right, "admin")
	s.Letters(t)
	_, self := s.SignIn(t, "ada", right, home)
	_, root := s.SignIn(t, "root", right, home)
	permission := string(s.As(t, userOf(t, s, ada.ID)).Grants.Permissions()[0])
	for _, by := range []domain.Principal{self, root} {
		if _, err := s.Keys.Create(t.Context(), by, ada.ID, apikey.CreateInput{Name: "CI", Permissions: []string{permission}}); err != nil {
			t.Fatal(err)
		}
		wantLetters(t, s, "ada@example.com: A new API key for your account")
	}
}

func userOf(t *testing.T, s *kit.Services, id domain.UserID) domain.User {
	t.Helper()
	u, err := s.Store.Users().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestA21_ASignInAfterFailuresIsTold(t *testing.T) {
	t.Parallel()
	const told = "ada@example.com: A sign-in after several failed attempts"
	tests := map[string]struct {
		failures      int
		from, success string // addresses
		known         bool   // the address of the success has signed in before
		want          []string
	}{
		"two failures are nothing":                           {2, home, home, false, nil},
		"three of the same source are told":                  {3, home, home, false, []string{told}},
		"three of the same source that is known are told":    {3, home, home, true, []string{told}},
		"three from elsewhere, before a new source":          {3, away, home, false, []string{told}},
		"three from elsewhere do not trouble a known source": {3, away, home, true, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			if tc.known {
				s.SignIn(t, "ada", right, tc.success)
			}
			s.Letters(t)
			for range tc.failures {
				if err := login(t, s, "ada", "wrong-Horse-7", tc.from); !errors.Is(err, fault.ErrUnauthorized) {
					t.Fatal(err)
				}
			}
			s.SignIn(t, "ada", right, tc.success)
			wantLetters(t, s, tc.want...)
			s.SignIn(t, "ada", right, tc.success)
			wantLetters(t, s)
		})
	}
}

func TestA21_ASignInThatStopsAtTheSecondFactorIsToldOnce(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, by := s.SignIn(t, "ada", right, home)
	withFactor(t, s, by)
	s.Letters(t)
	for range 7 {
		_, err := s.Auth.Login(t.Context(), kit.From(away), auth.LoginInput{Name: "ada", Password: right, Code: "0000000"})
		if err == nil {
			t.Fatal("a code of seven digits is right")
		}
	}
	wantLetters(t, s, "ada@example.com: A sign-in to your account was stopped")
}
