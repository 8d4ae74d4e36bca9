package account_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	right = "Correct-horse-7"
	home  = "192.0.2.1"
)

// token returns the text after "token=" in the last message to the address.
func token(t *testing.T, messages []domain.EmailMessage, to string) string {
	t.Helper()
	for _, message := range slices.Backward(messages) {
		if _, after, ok := strings.Cut(message.Text, "token="); ok && message.To == to {
			return strings.Fields(after)[0]
		}
	}
	t.Fatalf("no message with a token to %s among %d", to, len(messages))
	return ""
}

func TestActivationByEmail(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	made, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "johndoe", Email: "john@example.com", Person: domain.Person{FullName: "John Doe"},
		Metadata: json.RawMessage(`{"department":"Customer Service","employee_id":"EMP001"}`),
	})
	if err != nil || made.Status != domain.StatusPending || made.Role != "user" || made.EmailVerified {
		t.Fatalf("%+v, %v", made.Status, err)
	}
	_, err = s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "johndoe", Password: right})
	if !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("a pending user: %v", err)
	}
	text := token(t, s.SentEmails(t), "john@example.com")
	if err := s.Account.Reset(t.Context(), kit.From(home), text, "short"); !errors.Is(err, domain.ErrPasswordPolicy) {
		t.Errorf("weak password: %v", err)
	}
	s.Clock.Forward(6 * 24 * time.Hour)
	if err := s.Account.Reset(t.Context(), kit.From(home), text, right); err != nil {
		t.Fatalf("a refused password must not consume the token: %v", err)
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), text, right+"8"); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("second use: %v", err)
	}
	_, asJohn := s.SignIn(t, "johndoe", right, home)
	got, err := s.Account.Get(t.Context(), asJohn, made.ID)
	if err != nil || got.Status != domain.StatusActive || !got.EmailVerified || got.LastLogin.IsZero() {
		t.Errorf("after activation: %s, %v, %v", got.Status, got.EmailVerified, err)
	}
	if len(s.Logged(t, domain.ActionUserActivate)) != 1 || len(s.Logged(t, domain.ActionUserCreate)) != 1 {
		t.Error("create and activate must record one audit entry each")
	}
}

func TestCreateReportsAllInvalidFields(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	_, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "john doe", Email: "john", Role: "king", Groups: []string{"knights"}, Directory: "nowhere",
		Person: domain.Person{PhoneNumber: "123"},
	})
	fields := map[string]bool{}
	for _, d := range fault.Of(err).Details() {
		fields[d.Field] = true
	}
	for _, want := range []string{"username", "email", "role", "groups", "directory", "phone_number"} {
		if !fields[want] {
			t.Errorf("%s is not reported: %v", want, err)
		}
	}
}

func TestUsernamesAreUniqueUnderCaseFolding(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	deactivated := s.Register(t, "Straße", right, "user")
	if _, err := s.Account.Create(t.Context(), domain.Operator(),
		account.NewUser{Username: "bob@example.org", Email: "bob@example.net"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), deactivated.ID); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ username, email, field string }{
		"folded name of a deactivated user": {"STRASSE", "other@example.com", "username"},
		"full-width letters":                {"ｓｔｒａｓｓｅ", "other@example.com", "username"},
		"address in capitals":               {"other", "STRASSE@example.com", "email"},
		"a name that is another's address":  {"straße@example.com", "other@example.com", "username"},
		"an address that is another's name": {"other", "bob@EXAMPLE.org", "email"},
	}
	for name, test := range tests {
		_, err := s.Account.Create(t.Context(), domain.Operator(),
			account.NewUser{Username: test.username, Email: test.email})
		details := fault.Of(err).Details()
		if !errors.Is(err, domain.ErrUserExists) || len(details) == 0 || details[0].Field != test.field {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestConcurrentCreatesMakeOneUser(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := s.Account.Create(t.Context(), domain.Operator(),
				account.NewUser{Username: "ada", Email: "ada@example.com"})
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, domain.ErrUserExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 || len(s.Logged(t, domain.ActionUserCreate)) != 1 || len(s.SentEmails(t)) != 1 {
		t.Errorf("%d users were created", made.Load())
	}
}

func TestUsersChangeOnlyTheirOwnProfile(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	s.Register(t, "bob", right, "user")
	_, asAda := s.SignIn(t, "ada", right, home)
	_, asBob := s.SignIn(t, "bob", right, home)
	change := func(next, want string) func(domain.Metadata) (domain.Metadata, error) {
		return func(present domain.Metadata) (domain.Metadata, error) {
			if string(present) != want {
				t.Errorf("the change is applied to %s, want %s", present, want)
			}
			return domain.Metadata(next), nil
		}
	}
	got, err := s.Account.Update(t.Context(), asAda, asAda.UserID, account.Patch{
		Person: domain.PersonPatch{"full_name": "Ada L.", "phone_number": "+420123456789"}, Metadata: change(`{"a":1}`, ""),
	})
	if err != nil || got.FullName != "Ada L." {
		t.Fatal(err)
	}
	got, err = s.Account.Update(t.Context(), asAda, asAda.UserID, account.Patch{Metadata: change(`{"b":2}`, `{"a":1}`)})
	if err != nil || string(got.Metadata) != `{"b":2}` {
		t.Errorf("changed to %s, %v", got.Metadata, err)
	}
	for name, patch := range map[string]account.Patch{
		"role": {Role: new("admin")}, "groups": {Groups: new([]string{})}, "email": {Email: new("x@example.com")},
		"status":           {Status: new("deactivated")},
		"role beside name": {Role: new("admin"), Person: domain.PersonPatch{"full_name": "Root"}},
	} {
		if _, err := s.Account.Update(t.Context(), asAda, asAda.UserID, patch); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("own %s: %v", name, err)
		}
	}
	if _, err := s.Account.Update(t.Context(), asBob, asAda.UserID,
		account.Patch{Person: domain.PersonPatch{"full_name": "x"}}); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("profile of another user: %v", err)
	}
	if _, err := s.Account.Get(t.Context(), asBob, asAda.UserID); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("record of another user: %v", err)
	}
}

func TestNoActionOnUserWithMorePermissions(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	if _, err := s.Access.CreateRole(t.Context(), domain.Operator(), role("helpdesk", "users.manage")); err != nil {
		t.Fatal(err)
	}
	s.Register(t, "hilda", right, "helpdesk")
	root := s.Register(t, "root", right, "admin")
	s.Register(t, "root2", right, "admin")
	other := s.Register(t, "ada", right, "user")
	_, by := s.SignIn(t, "hilda", right, home)
	forbidden := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := s.Account.Update(t.Context(), by, root.ID, account.Patch{Email: new("evil@example.com")})
	forbidden("changing an administrator's email", err)
	_, err = s.Account.Deactivate(t.Context(), by, root.ID)
	forbidden("deactivating an administrator", err)
	forbidden("an administrator's password", s.Account.SetPassword(t.Context(), by, root.ID, "Another-horse-8"))
	_, _, err = s.Account.ResetLink(t.Context(), by, root.ID)
	forbidden("an administrator's reset link", err)
	_, err = s.Account.Update(t.Context(), by, other.ID, account.Patch{Role: new("admin")})
	forbidden("assigning the administrator role", err)
	_, err = s.Account.Update(t.Context(), by, by.UserID, account.Patch{Role: new("admin")})
	forbidden("assigning oneself the administrator role", err)
	_, err = s.Account.Create(t.Context(), by, account.NewUser{Username: "x", Email: "x@example.com", Role: "sudo"})
	forbidden("creating a superuser", err)
	_, err = s.Auth.RevokeAll(t.Context(), by, root.ID, false)
	forbidden("ending an administrator's sessions", err)
	if _, err := s.Account.Update(t.Context(), by, other.ID,
		account.Patch{Role: new("operator"), Status: new("deactivated")}); err != nil {
		t.Errorf("an update that helpdesk may make: %v", err)
	}
}

func TestLastAdministratorCannotBeRemoved(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	a := s.Register(t, "a", right, "admin")
	b := s.Register(t, "b", right, "admin")
	for round := range 10 {
		var refused atomic.Int32
		var wg sync.WaitGroup
		for _, id := range []domain.UserID{a.ID, b.ID} {
			wg.Go(func() {
				_, err := s.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Role: new("user")})
				if errors.Is(err, domain.ErrLastAdmin) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refused.Load() != 1 {
			t.Fatalf("round %d: %d demotions were refused, want one", round, refused.Load())
		}
		for _, id := range []domain.UserID{a.ID, b.ID} {
			if _, err := s.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Role: new("admin")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), b.ID); !errors.Is(err, domain.ErrLastAdmin) {
		t.Errorf("the last administrator: %v", err)
	}
	if _, err := s.Access.UpdateRole(t.Context(), domain.Operator(), "admin", roleLess()); !errors.Is(err,
		domain.ErrLastAdmin) {
		t.Errorf("removing the role's permissions: %v", err)
	}
}

func TestDeactivationEndsAllCredentials(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{ResetRate: domain.Rate{}})
	user := s.Register(t, "ada", right, "user")
	in, by := s.SignIn(t, "ada", right, home)
	key, err := s.Keys.Create(t.Context(), by, user.ID, keyInput())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	reset := token(t, s.SentEmails(t), "ada@example.com")
	first, err := s.Account.Deactivate(t.Context(), domain.Operator(), user.ID)
	if err != nil || first.DeactivatedAt.IsZero() {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		for name, credential := range map[string]string{"access token": in.Tokens.Access, "API key": secretOf(key)} {
			if _, err := s.Auth.Authenticate(t.Context(), credential, kit.From(home).Origin); !errors.Is(err,
				fault.ErrUnauthorized) {
				t.Errorf("%s: %s: %v", when, name, err)
			}
		}
		if _, err := s.Auth.Refresh(t.Context(), kit.From(home), in.Tokens.Refresh); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s: refresh: %v", when, err)
		}
		if err := s.Account.Reset(t.Context(), kit.From(home), reset, "Another-horse-8"); !errors.Is(err,
			domain.ErrInvalidToken) {
			t.Errorf("%s: reset: %v", when, err)
		}
	}
	refused("deactivated")
	s.Clock.Forward(time.Minute)
	again, err := s.Account.Deactivate(t.Context(), domain.Operator(), user.ID)
	if err != nil || !again.DeactivatedAt.Equal(first.DeactivatedAt) ||
		len(s.Logged(t, domain.ActionUserDeactivate)) != 1 {
		t.Errorf("deactivating again: %v, %v", again.DeactivatedAt, err)
	}
	if _, err := s.Account.Update(t.Context(), domain.Operator(), user.ID,
		account.Patch{Status: new("active")}); err != nil {
		t.Fatal(err)
	}
	refused("active again")
	s.SignIn(t, "ada", right, home)
}

func TestEmailChange(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	user := s.Register(t, "ada", right, "user")
	got, err := s.Account.Update(t.Context(), domain.Operator(), user.ID, account.Patch{Email: new("new@example.com")})
	if err != nil || got.EmailVerified || got.Email != "new@example.com" {
		t.Fatal(err)
	}
	messages := s.SentEmails(t)
	text := token(t, messages, "new@example.com")
	if len(messages) != 2 || messages[0].To != "ada@example.com" || strings.Contains(messages[0].Text, "token=") {
		t.Errorf("want a notice without a token to the previous address: got %d messages", len(messages))
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), text, "Another-horse-8"); !errors.Is(err,
		domain.ErrInvalidToken) {
		t.Errorf("a confirmation token set a password: %v", err)
	}
	confirmed, err := s.Account.ConfirmEmail(t.Context(), kit.From(home), text)
	if err != nil || !confirmed.EmailVerified {
		t.Error(err)
	}
	if _, err := s.Account.ConfirmEmail(t.Context(), kit.From(home), text); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("second use: %v", err)
	}
}

func TestSetup(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	first, err := s.Account.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := account.NewUser{Username: "root", Email: "root@example.com", Password: "weak"}
	if _, err := s.Account.Setup(t.Context(), kit.From(home), first, in); !errors.Is(err, domain.ErrPasswordPolicy) {
		t.Errorf("weak password: %v", err)
	}
	in.Password = right
	if _, err := s.Account.Setup(t.Context(), kit.From(home), "nonsense", in); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("wrong token: %v", err)
	}
	made, err := s.Account.Setup(t.Context(), kit.From(home), first, in)
	if err != nil || made.Role != domain.RoleAdmin {
		t.Fatal(err)
	}
	second, err := s.Account.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Username, in.Email = "evil", "evil@example.com"
	if _, err := s.Account.Setup(t.Context(), kit.From(home), second, in); !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("a setup token after the first user: %v", err)
	}
}
