package domain

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// The bounds of passwords in characters and bytes.
const (
	MinPasswordLength = 8
	MaxPasswordLength = 256
	MaxPasswordBytes  = 1024
)

// CheckPassword returns nil for a password that the policy's length and classes allow, else ErrPasswordPolicy with one
// detail for each rule that it breaks. Lengths count characters. Lists of known passwords and the history are looked
// at elsewhere, since they take more than the policy.
func (p PasswordPolicy) CheckPassword(field, password string) error {
	if len(password) > MaxPasswordBytes || utf8.RuneCountInString(password) > MaxPasswordLength {
		return ErrPasswordPolicy.About(field, "max_length: must be at most 256 characters")
	}
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return ErrPasswordPolicy.About(field, "must be valid text without NUL")
	}
	refused := ErrPasswordPolicy
	if utf8.RuneCountInString(password) < max(p.MinLength, MinPasswordLength) {
		refused = refused.About(field, "min_length: must have at least "+strconv.Itoa(max(p.MinLength, MinPasswordLength))+" characters")
	}
	has := classesOf(password)
	for _, rule := range []struct {
		wanted, held bool
		reason       string
	}{
		{p.RequireUppercase, has.upper, "require_uppercase: must hold an upper-case letter"},
		{p.RequireLowercase, has.lower, "require_lowercase: must hold a lower-case letter"},
		{p.RequireNumbers, has.number, "require_numbers: must hold a digit"},
		{p.RequireSpecial, has.special, "require_special: must hold a character that is neither a letter nor a digit"},
	} {
		if rule.wanted && !rule.held {
			refused = refused.About(field, rule.reason)
		}
	}
	if refused == ErrPasswordPolicy {
		return nil
	}
	return refused
}

type classes struct{ upper, lower, number, special bool }

func classesOf(password string) classes {
	var has classes
	for _, r := range password {
		switch {
		case unicode.IsUpper(r) || unicode.IsTitle(r):
			has.upper = true
		case unicode.IsLower(r):
			has.lower = true
		case unicode.IsNumber(r):
			has.number = true
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			has.special = true
		}
	}
	return has
}

// ErrPasswordExpired tells that the password was right and must be replaced; its change_token member does that once.
var ErrPasswordExpired = fault.New(fault.Forbidden, "password_expired", "The password has expired and must be changed")

// NewPassword is a password that somebody wants to set, and what it is held against.
type NewPassword struct {
	Field    string // the input's name of it, for the details
	Password string
	OwnWords []string            // username, the e-mail's local part, names: none may be in it
	Present  *PasswordCredential // nil where there is none yet
}

// HashSupport says whether a password hash from elsewhere can be checked here.
type HashSupport int

// The answers.
const (
	HashSupported HashSupport = iota
	HashUnknown               // its format is not known
	HashTooCostly             // its format is known, and checking it costs more than is allowed
)
