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

// tokenOf returns the token in the first message that contains one.
func tokenOf(t *testing.T, messages []domain.EmailMessage) string {
	t.Helper()
	for _, message := range messages {
		if _, rest, found := strings.Cut(message.Text, "?token="); found {
			return strings.Fields(rest)[0]
		}
	}
	t.Fatal("no message contains a token")
	return ""
}

// wantMessages checks that the queue contains exactly these subjects, each sent to its address.
func wantMessages(t *testing.T, s *kit.Services, want ...string) {
	t.Helper()
	var got []string
	for _, message := range s.SentEmails(t) {
		got = append(got, message.To+": "+message.Subject)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the messages differ (-want +got):\n%s", diff)
	}
}

const changed = "ada@example.com: Your password has been changed"

func TestEveryPasswordChangeIsNotified(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, s *kit.Services, ada account.Profile) error
		want   []string
	}{
		"by the user": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			_, by := s.SignIn(t, "ada", right, home)
			return s.Account.ChangePassword(t.Context(), by, ada.ID, account.PasswordChange{Current: right, Next: word})
		}, []string{changed}},
		"by the user without the current password": {func(t *testing.T, s *kit.Services, _ account.Profile) error {
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
			return s.Account.Reset(t.Context(), kit.From(home), tokenOf(t, s.SentEmails(t)), word)
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
				t.Fatalf("expired password without change_token: %v", err)
			}
			return s.Account.Reset(t.Context(), kit.From(home), token, word)
		}, []string{changed}},
		"no notification of a refused change": {func(t *testing.T, s *kit.Services, ada account.Profile) error {
			t.Helper()
			_, by := s.SignIn(t, "ada", right, home)
			err := s.Account.ChangePassword(t.Context(), by, ada.ID,
				account.PasswordChange{Current: "wrong-Horse-7", Next: word})
			if !errors.Is(err, domain.ErrCurrentPassword) {
				t.Errorf("wrong current password: got error %v", err)
			}
			return nil
		}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			ada := s.Register(t, "ada", right, "user")
			s.SentEmails(t)
			if err := tc.change(t, s, ada); err != nil {
				t.Fatal(err)
			}
			wantMessages(t, s, tc.want...)
		})
	}
}

func TestPasswordChangeInDirectoryIsNotified(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	signedIn, err := signInto(t, s, "bob", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	bob := signedIn.User
	notice := bob.Email + ": Your password has been changed"
	err = s.Account.ChangePassword(t.Context(), s.As(t, bob), bob.ID,
		account.PasswordChange{Current: openldap.Password, Next: word})
	if err != nil {
		t.Fatal(err)
	}
	wantMessages(t, s, notice)
	if err := s.Account.SetPassword(t.Context(), domain.Operator(), bob.ID, "Yet-an0ther-word!"); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, s, notice)
	_, err = signInto(t, s, "mustchange", openldap.Password)
	token, _ := fault.Of(err).Extra()["change_token"].(string)
	if err := s.Account.Reset(t.Context(), kit.From(home), token, word); err != nil {
		t.Fatal(err)
	}
	if messages := s.SentEmails(t); len(messages) != 1 || messages[0].Subject != "Your password has been changed" {
		t.Errorf("after a forced change: %d messages, want 1", len(messages))
	}
}

func TestEmailChangeIsNotifiedToThePreviousAddress(t *testing.T) {
	t.Parallel()
	address := "new@example.com"
	want := []string{
		"ada@example.com: Your e-mail address has been changed",
		"new@example.com: Confirm your e-mail address",
	}
	for _, name := range []string{"root", "operator"} {
		s := kit.Start(t, kit.Options{})
		ada := s.Register(t, "ada", right, "user")
		s.Register(t, "root", right, "admin")
		s.SentEmails(t)
		by := domain.Operator()
		if name != "operator" {
			_, by = s.SignIn(t, name, right, home)
		}
		if _, err := s.Account.Update(t.Context(), by, ada.ID, account.Patch{Email: &address}); err != nil {
			t.Fatal(err)
		}
		wantMessages(t, s, want...)
	}
}

// withFactor enrolls a second factor for the user.
func withFactor(t *testing.T, s *kit.Services, by domain.Principal) {
	t.Helper()
	enrollment, err := s.Factor.Enroll(t.Context(), by, by.UserID, factor.EnrollInput{})
	must(t, err)
	code, err := totp.GenerateCode(enrollment.Setup.Secret, s.Clock.Now())
	must(t, err)
	must(t, s.Factor.Activate(t.Context(), by, by.UserID, code))
}

func TestSecondFactorChangesAreNotified(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]func(*testing.T, *kit.Services, domain.Principal) domain.Principal{
		"by the user":     func(_ *testing.T, _ *kit.Services, by domain.Principal) domain.Principal { return by },
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
			s.SentEmails(t)
			withFactor(t, s, by)
			wantMessages(t, s, "ada@example.com: Two-factor authentication is on")
			if err := s.Factor.Disable(t.Context(), off(t, s, by), ada.ID, factor.Proof{}); err != nil {
				t.Fatal(err)
			}
			wantMessages(t, s, "ada@example.com: Two-factor authentication is off")
		})
	}
}

func TestNewAPIKeyIsNotified(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	ada := s.Register(t, "ada", right, "operator")
	s.Register(t, "root", right, "admin")
	s.SentEmails(t)
	_, self := s.SignIn(t, "ada", right, home)
	_, root := s.SignIn(t, "root", right, home)
	permission := string(s.As(t, userOf(t, s, ada.ID)).Grants.Permissions()[0])
	for _, by := range []domain.Principal{self, root} {
		if _, err := s.Keys.Create(t.Context(), by, ada.ID,
			apikey.CreateInput{Name: "CI", Permissions: []string{permission}}); err != nil {
			t.Fatal(err)
		}
		wantMessages(t, s, "ada@example.com: A new API key for your account")
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

func TestLoginAfterFailuresIsNotified(t *testing.T) {
	t.Parallel()
	const notice = "ada@example.com: A sign-in after several failed attempts"
	tests := map[string]struct {
		failures      int
		from, success string // addresses
		known         bool   // the address of the success has logged in before
		want          []string
	}{
		"two failures":                                      {2, home, home, false, nil},
		"three from the same source":                        {3, home, home, false, []string{notice}},
		"three from the same known source":                  {3, home, home, true, []string{notice}},
		"three from elsewhere, success from a new source":   {3, away, home, false, []string{notice}},
		"three from elsewhere, success from a known source": {3, away, home, true, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			if tc.known {
				s.SignIn(t, "ada", right, tc.success)
			}
			s.SentEmails(t)
			for range tc.failures {
				if err := login(t, s, "ada", "wrong-Horse-7", tc.from); !errors.Is(err, fault.ErrUnauthorized) {
					t.Fatal(err)
				}
			}
			s.SignIn(t, "ada", right, tc.success)
			wantMessages(t, s, tc.want...)
			s.SignIn(t, "ada", right, tc.success)
			wantMessages(t, s)
		})
	}
}

func TestLoginStoppedAtSecondFactorIsNotifiedOnce(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, by := s.SignIn(t, "ada", right, home)
	withFactor(t, s, by)
	s.SentEmails(t)
	for range 7 {
		_, err := s.Auth.Login(t.Context(), kit.From(away), auth.LoginInput{Name: "ada", Password: right, Code: "0000000"})
		if err == nil {
			t.Fatal("a code of seven digits was accepted")
		}
	}
	wantMessages(t, s, "ada@example.com: A sign-in to your account was stopped")
}
