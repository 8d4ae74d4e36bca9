// Package password implements the password policy for passwords that are stored here.
//
// A new password is checked against the policy, common passwords, the user's own words and their previous passwords.
// Every violated rule is reported at once by a code for programs:
//
//	min_length, max_length, require_uppercase, require_lowercase, require_numbers, require_special    the policy
//	common_password    it is among the passwords that attackers try first
//	own_words          it contains the username, the email's local part, a name, or the product's
//	history            it is one of the last passwords
package password

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// product is the name of the service, which no password may contain.
	product = "Ostiary"

	// minOwnWord is the length from which a user's own word may not be in their password; shorter ones are in many.
	minOwnWord = 4

	// minSpreadWord is the minimum length of a word that is also found with signs between its characters; shorter
	// ones occur by chance where two words meet ("full" in "Wonderful-Lamp").
	minSpreadWord = 6
)

// Checker checks new passwords.
type Checker struct {
	Known      ports.KnownPasswords
	CaseFolder ports.CaseFolder
}

// New is a new password of a user.
type New struct {
	Field string // the input field, for the details
	Text  string
	User  *domain.User
}

// Credential returns the credential to store for a new password, with the history of the current one. A password that
// violates rules is domain.ErrPasswordPolicy with each of them. The previous passwords are compared only if no other
// rule is violated, since each costs a hash; the error may then also be fault.ErrOverloaded.
func (c Checker) Credential(ctx context.Context, store ports.LocalPasswordStore, policy domain.PasswordPolicy, next New,
	now time.Time,
) (*domain.PasswordCredential, error) {
	if err := c.check(policy, next); err != nil {
		return nil, err
	}
	var used []string
	if present := next.User.Password; present != nil && policy.HistoryCount > 0 {
		used = append([]string{present.Hash}, present.History...)
		used = used[:min(policy.HistoryCount, len(used))]
	}
	for _, hash := range used {
		if hash == "" {
			continue
		}
		matches, err := store.Matches(ctx, hash, next.Text)
		if err != nil {
			return nil, err
		}
		if matches {
			return nil, domain.ErrPasswordPolicy.About(next.Field,
				"history: must differ from your last "+strconv.Itoa(policy.HistoryCount)+" passwords")
		}
	}
	hash, err := store.MakeHash(ctx, next.Text)
	if err != nil {
		return nil, err
	}
	return &domain.PasswordCredential{
		Hash: hash, ChangedAt: now,
		History: used[:min(len(used), max(0, policy.HistoryCount-1))],
	}, nil
}

// check returns domain.ErrPasswordPolicy with each violated rule except the history.
func (c Checker) check(policy domain.PasswordPolicy, next New) error {
	refused := domain.ErrPasswordPolicy
	if err := policy.CheckPassword(next.Field, next.Text); err != nil {
		refused = fault.Of(err)
	}
	if len(next.Text) <= domain.Limits.PasswordInput.Max { // a longer one is refused already, and must not cost work
		if c.Known.IsKnown(next.Text) {
			refused = refused.About(next.Field, "common_password: is among the passwords that everybody tries first")
		}
		if c.holdsOwnWord(next) {
			refused = refused.About(next.Field,
				"own_words: must not hold your user name, e-mail address, name or the name of the service")
		}
	}
	return domain.Refusal(refused)
}

// holdsOwnWord reports whether the password contains one of the user's words or the product's name, whole or one of its
// parts ("doe" and "john" of john.doe), in any case, and a longer one with any signs between its characters.
func (c Checker) holdsOwnWord(next New) bool {
	folded := c.CaseFolder.Fold(next.Text)
	bare := strings.Map(letterOrDigit, folded)
	local, _, _ := strings.Cut(next.User.Email, "@")
	for _, own := range append([]string{product, next.User.Username, local}, strings.Fields(next.User.FullName)...) {
		own = c.CaseFolder.Fold(own)
		if word := strings.Map(letterOrDigit, own); utf8.RuneCountInString(word) >= minSpreadWord &&
			strings.Contains(bare, word) {
			return true
		}
		for part := range strings.FieldsFuncSeq(own, func(r rune) bool { return letterOrDigit(r) < 0 }) {
			if utf8.RuneCountInString(part) >= minOwnWord && strings.Contains(folded, part) {
				return true
			}
		}
	}
	return false
}

func letterOrDigit(r rune) rune {
	if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
		return r
	}
	return -1
}
