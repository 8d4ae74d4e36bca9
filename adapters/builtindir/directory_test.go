package builtindir_test

import (
	"errors"
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
	"github.com/ostiary/ostiary/ports"
)

var _ ports.LocalPasswordStore = (*builtindir.Directory)(nil)

func newDirectory(t *testing.T) *builtindir.Directory {
	t.Helper()
	hasher, err := argon2id.New(argon2id.Config{MemoryKiB: 64, Passes: 1, Lanes: 1, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	known, err := commonpasswords.New()
	if err != nil {
		t.Fatal(err)
	}
	return builtindir.New(builtindir.Config{ID: "local"}, hasher, known, casefold.CaseFolder{})
}

func makeHash(t *testing.T, d *builtindir.Directory, password string) string {
	t.Helper()
	hash, err := d.MakeHash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestCheckCredential(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	const right = "Quietly-Umbrella-4417"
	hash := makeHash(t, d, right)
	tests := map[string]struct {
		credential   *domain.PasswordCredential
		password     string
		want         domain.Outcome
		wantOutdated bool
	}{
		"the right password":               {&domain.PasswordCredential{Hash: hash}, right, domain.OutcomeOK, false},
		"a wrong password":                 {&domain.PasswordCredential{Hash: hash}, "wrong", domain.OutcomeBadCredentials, false},
		"no password":                      {&domain.PasswordCredential{Hash: hash}, "", domain.OutcomeBadCredentials, false},
		"nobody":                           {nil, right, domain.OutcomeBadCredentials, false},
		"somebody without a hash":          {&domain.PasswordCredential{}, "", domain.OutcomeBadCredentials, false},
		"a password that must be changed":  {&domain.PasswordCredential{Hash: hash, MustChange: true}, right, domain.OutcomeMustChange, false},
		"a wrong one that must be changed": {&domain.PasswordCredential{Hash: hash, MustChange: true}, "wrong", domain.OutcomeBadCredentials, false},
		"an imported hash": {
			&domain.PasswordCredential{Hash: "{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA"}, "correct horse", domain.OutcomeOK, true,
		},
		"an imported hash and a wrong password": {
			&domain.PasswordCredential{Hash: "{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA"}, "wrong", domain.OutcomeBadCredentials, false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, outdated, err := d.CheckCredential(t.Context(), tt.credential, tt.password)
			if err != nil || got != tt.want || outdated != tt.wantOutdated {
				t.Errorf("CheckCredential = %v, outdated %v, %v; want %v, outdated %v", got, outdated, err, tt.want, tt.wantOutdated)
			}
		})
	}
}

// rules returns the words of the broken rules.
func rules(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if !errors.Is(err, domain.ErrPasswordPolicy) {
		t.Fatalf("CheckNew = %v, want domain.ErrPasswordPolicy", err)
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
	d := newDirectory(t)
	own := []string{"john.doe", "jdoe+work", "Žofie", "Al", "Full"}
	tests := map[string]struct {
		password string
		want     []string
	}{
		"a good one":                              {"Quietly-Umbrella-4417", nil},
		"a common one":                            {"Password1234!", []string{"common_password"}},
		"the user name without its dot":           {"JohnDoe2024!X", []string{"own_words"}},
		"a part of the user name":                 {"Hello-JOHN-4417", []string{"own_words"}},
		"the e-mail's local part":                 {"My+jDoe+Work-17", []string{"own_words"}},
		"a name in another case":                  {"x-ŽOFIE-4417-x", []string{"own_words"}},
		"the product":                             {"My-OSTIARY-4417", []string{"own_words"}},
		"a word too short to count":               {"Quietly-Al-Umbrella-7", nil},
		"a short name across two words":           {"Wonderful-Lamp-4417", nil},
		"three letters of a name":                 {"Quietly-Doe-Umbrella-7", nil},
		"several rules at once":                   {"dragon", []string{"min_length", "require_uppercase", "require_numbers", "require_special", "common_password"}},
		"own words and classes":                   {"quietjohndoequiet", []string{"require_uppercase", "require_numbers", "require_special", "own_words"}},
		"A09 more than a kilobyte":                {strings.Repeat("aB1!", 257), []string{"max_length"}},
		"A09 64 characters and more are accepted": {"Quietly " + strings.Repeat("umbrella ", 20) + "4417", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := d.CheckNew(t.Context(), domain.DefaultSettings().Password, domain.NewPassword{
				Field: "new_password", Password: tt.password, OwnWords: own,
			})
			if diff := cmp.Diff(tt.want, rules(t, err)); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreviousPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	password := func(i int) string { return "Quietly-Umbrella-" + strings.Repeat("7", i) }
	present := &domain.PasswordCredential{Hash: makeHash(t, d, password(1))}
	for i := 2; i <= 6; i++ {
		present.History = append(present.History, makeHash(t, d, password(i)))
	}
	check := func(count, i int) []string {
		policy := domain.DefaultSettings().Password
		policy.HistoryCount = count
		return rules(t, d.CheckNew(t.Context(), policy, domain.NewPassword{Field: "new_password", Password: password(i), Present: present}))
	}
	for i := 1; i <= 5; i++ {
		if diff := cmp.Diff([]string{"history"}, check(5, i)); diff != "" {
			t.Errorf("password %d of the last 5 (-want +got):\n%s", i, diff)
		}
	}
	for what, got := range map[string][]string{
		"the sixth password back":      check(5, 6),
		"one that was never used":      check(5, 7),
		"the present one, no history":  check(0, 1),
		"the one before, history of 1": check(1, 2),
	} {
		if got != nil {
			t.Errorf("%s is refused for %v", what, got)
		}
	}
	if got := check(1, 1); len(got) != 1 {
		t.Error("with a history of 1 the present password is allowed again")
	}
}

func TestDirectoryHasNoLookup(t *testing.T) {
	t.Parallel()
	var d ports.Directory = newDirectory(t)
	if d.ID() != "local" || d.Type() != "builtin" || d.JustInTime() || len(d.Suffixes()) != 0 || d.Close(t.Context()) != nil {
		t.Error("the directory says something else of itself")
	}
	if _, finds := d.(ports.Lookup); finds {
		t.Error("the directory claims to find people")
	}
}
