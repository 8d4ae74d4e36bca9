package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// CheckPassword checks the password against the policy's length and character classes. A refused password is
// ErrPasswordPolicy with one detail for each violated rule. Lengths count characters. Lists of known passwords and the
// history are checked elsewhere, since they need more than the policy.
func (p PasswordPolicy) CheckPassword(field, password string) error {
	if len(password) > Limits.PasswordInput.Max || utf8.RuneCountInString(password) > Limits.Password.Max {
		return ErrPasswordPolicy.About(field, fmt.Sprintf("max_length: must be at most %d characters", Limits.Password.Max))
	}
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return ErrPasswordPolicy.About(field, "must be valid text without NUL")
	}
	refused := ErrPasswordPolicy
	if least := max(p.MinLength, Limits.Password.Min); utf8.RuneCountInString(password) < least {
		refused = refused.About(field, fmt.Sprintf("min_length: must have at least %d characters", least))
	}
	upper := func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) }
	special := func(r rune) bool { return !unicode.IsNumber(r) && !unicode.IsLetter(r) && !unicode.IsMark(r) }
	for _, rule := range []struct {
		wanted bool
		class  func(rune) bool
		reason string
	}{
		{p.RequireUppercase, upper, "require_uppercase: must hold an upper-case letter"},
		{p.RequireLowercase, unicode.IsLower, "require_lowercase: must hold a lower-case letter"},
		{p.RequireNumbers, unicode.IsNumber, "require_numbers: must hold a digit"},
		{p.RequireSpecial, special, "require_special: must hold a character that is neither a letter nor a digit"},
	} {
		if rule.wanted && !strings.ContainsFunc(password, rule.class) {
			refused = refused.About(field, rule.reason)
		}
	}
	return Refusal(refused)
}

// ErrPasswordExpired means that the password was correct and must be replaced; its change_token member is a single-use
// token for that.
var ErrPasswordExpired = fault.New(fault.Forbidden, "password_expired", "The password has expired and must be changed")

// HashSupport reports whether an imported password hash can be verified.
type HashSupport int

// The values of HashSupport.
const (
	HashSupported HashSupport = iota
	HashUnknown               // unknown format
	HashTooCostly             // known format, but its verification costs more than allowed
)
