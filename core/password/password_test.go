package password_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/argon2id"
	"github.com/ostiary/ostiary/adapters/builtindir"
	"github.com/ostiary/ostiary/adapters/casefold"
	"github.com/ostiary/ostiary/adapters/commonpasswords"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/password"
)

// newChecker returns a function that checks a new password of a user.
func newChecker(t *testing.T) func(domain.PasswordPolicy, *domain.User, string) (*domain.PasswordCredential, error) {
	t.Helper()
	hasher, err := argon2id.New(argon2id.Config{MemoryKiB: 64, Passes: 1, Lanes: 1, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	known, err := commonpasswords.New()
	if err != nil {
		t.Fatal(err)
	}
	checker := password.Checker{Known: known, CaseFolder: casefold.CaseFolder{}}
	return func(policy domain.PasswordPolicy, user *domain.User, text string) (*domain.PasswordCredential, error) {
		next := password.New{Field: "new_password", Text: text, User: user}
		return checker.Credential(t.Context(), builtindir.New("local", hasher), policy, next, time.Unix(1, 0))
	}
}

// rules returns the words of the broken rules.
func rules(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if !errors.Is(err, domain.ErrPasswordPolicy) {
		t.Fatalf("the check = %v, want domain.ErrPasswordPolicy", err)
	}
	var words []string
	for _, detail := range fault.Of(err).Details() {
		if detail.Field != "new_password" {
			t.Errorf("the detail is about %q", detail.Field)
		}
		word, _, _ := strings.Cut(detail.Reason, ":")
		words = append(words, word)
	}
	return words
}

func TestNewPasswordsAreCheckedAgainstEveryRule(t *testing.T) {
	t.Parallel()
	check := newChecker(t)
	user := &domain.User{
		Username: "john.doe", Email: "jdoe+work@example.com",
		Person: domain.Person{FullName: "Žofie Al Full"},
	}
	tests := map[string]struct {
		password string
		want     []string
	}{
		"a good one":                    {"Quietly-Umbrella-4417", nil},
		"a common one":                  {"Password1234!", []string{"common_password"}},
		"the user name without its dot": {"JohnDoe2024!X", []string{"own_words"}},
		"a part of the user name":       {"Hello-JOHN-4417", []string{"own_words"}},
		"the e-mail's local part":       {"My+jDoe+Work-17", []string{"own_words"}},
		"a name in another case":        {"x-ŽOFIE-4417-x", []string{"own_words"}},
		"the product":                   {"My-OSTIARY-4417", []string{"own_words"}},
		"a word too short to count":     {"Quietly-Al-Umbrella-7", nil},
		"a short name across two words": {"Wonderful-Lamp-4417", nil},
		"three letters of a name":       {"Quietly-Doe-Umbrella-7", nil},
		"several rules at once": {"dragon", []string{
			"min_length", "require_uppercase", "require_numbers",
			"require_special", "common_password",
		}},
		"own words and classes": {
			"quietjohndoequiet",
			[]string{"require_uppercase", "require_numbers", "require_special", "own_words"},
		},
		"more than a kilobyte":                {strings.Repeat("aB1!", 257), []string{"max_length"}},
		"64 characters and more are accepted": {"Quietly " + strings.Repeat("umbrella ", 20) + "4417", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential, err := check(domain.DefaultSettings().Password, user, tt.password)
			if diff := cmp.Diff(tt.want, rules(t, err)); diff != "" || (credential == nil) != (err != nil) {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreviousPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	check := newChecker(t)
	text := func(i int) string { return "Quietly-Umbrella-" + strings.Repeat("7", i) }
	policy := domain.DefaultSettings().Password
	policy.HistoryCount = 9
	user := &domain.User{}
	for i := 6; i >= 1; i-- {
		next, err := check(policy, user, text(i))
		if err != nil {
			t.Fatal(err)
		}
		if user.Password != nil && !slices.Equal(next.History,
			append([]string{user.Password.Hash}, user.Password.History...)) {
			t.Errorf("after password %d the history has %d hashes", i, len(next.History))
		}
		user.Password = next
	}
	refused := func(count, i int) []string {
		policy.HistoryCount = count
		credential, err := check(policy, user, text(i))
		if err == nil && len(credential.History) != max(0, count-1) {
			t.Errorf("a history of %d passwords stores %d hashes", count, len(credential.History))
		}
		return rules(t, err)
	}
	for i := 1; i <= 5; i++ {
		if diff := cmp.Diff([]string{"history"}, refused(5, i)); diff != "" {
			t.Errorf("password %d of the last 5 (-want +got):\n%s", i, diff)
		}
	}
	for what, got := range map[string][]string{
		"the sixth password back":      refused(5, 6),
		"one that was never used":      refused(5, 7),
		"the present one, no history":  refused(0, 1),
		"the one before, history of 1": refused(1, 2),
	} {
		if got != nil {
			t.Errorf("%s is refused for %v", what, got)
		}
	}
	if got := refused(1, 1); len(got) != 1 {
		t.Error("with a history of 1 the present password is allowed again")
	}
}
