package domain

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// The bounds of what describes a user.
const (
	MaxUsernameLength = 64
	maxEmailLength    = 254
	maxFullNameLength = 200
	maxMetadataBytes  = 16 << 10
	maxMetadataDepth  = 16
)

// reservedUsernames collide with paths of the Users API; "." and ".." are no path at all, since programs resolve them.
var reservedUsernames = []string{
	"login", "logout", "signup", "roles", "change_password", "reset_password", "update_role", "create_tpt", "credentials_are_valid", "tpt", ".", "..",
}

// CheckUsernameKey returns fault.ErrInvalid for the folded form of a name that collides with a path, however it is spelt.
func CheckUsernameKey(key string) error {
	if slices.Contains(reservedUsernames, key) {
		return fault.ErrInvalid.About("username", "is reserved")
	}
	return nil
}

// CheckUsername returns fault.ErrInvalid for a name that a user cannot have: 1 to 64 letters, digits or . _ - @ +, of one
// script (a Cyrillic letter among Latin ones is there to deceive), and no path of the Users API.
func CheckUsername(name string) error {
	refuse := func(reason string) error { return fault.ErrInvalid.About("username", reason) }
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxUsernameLength || !utf8.ValidString(name) {
		return refuse("must be 1 to 64 characters")
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("._-@+", r) {
			return refuse("must hold only letters, digits and . _ - @ +")
		}
	}
	if mixesScripts(name) {
		return refuse("must not mix letters of several scripts")
	}
	return CheckUsernameKey(strings.ToLower(name))
}

// confusable are the scripts whose letters pass for one another's.
var confusable = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}

func mixesScripts(text string) bool {
	var found *unicode.RangeTable
	for _, r := range text {
		for _, script := range confusable {
			if unicode.Is(script, r) {
				if found != nil && found != script {
					return true
				}
				found = script
			}
		}
	}
	return false
}

var (
	// A mark follows a letter: "é" may come as one character or as two.
	emailLocal  = regexp.MustCompile(`^(\p{L}\p{M}*|[\p{N}!#$%&'*+/=?^_{|}~-])+(\.(\p{L}\p{M}*|[\p{N}!#$%&'*+/=?^_{|}~-])+)*$`)
	emailDomain = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// CheckEmail returns fault.ErrInvalid for what is no address of the form local@domain (RFC 5321 without quoted local parts;
// the domain in ASCII, as IDNA writes it).
func CheckEmail(email string) error {
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at > 64 || len(email) > maxEmailLength || !utf8.ValidString(email) ||
		!emailLocal.MatchString(email[:at]) || !emailDomain.MatchString(email[at+1:]) {
		return fault.ErrInvalid.About("email", "must be an e-mail address")
	}
	return nil
}

// CheckFullName returns fault.ErrInvalid for a name that is too long or holds control characters.
func CheckFullName(name string) error {
	if utf8.RuneCountInString(name) > maxFullNameLength || !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return fault.ErrInvalid.About("full_name", "must be at most 200 printable characters")
	}
	return nil
}

// unprintable finds control characters and those that turn the direction of text around, which forge log lines and names.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

var phoneForm = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// CheckPhoneNumber returns fault.ErrInvalid for what is no number in E.164 form; empty is none and allowed.
func CheckPhoneNumber(number string) error {
	if number != "" && !phoneForm.MatchString(number) {
		return fault.ErrInvalid.About("phone_number", "must be in E.164 form, such as +420123456789")
	}
	return nil
}

// CheckMetadata returns fault.ErrInvalid for metadata that is no JSON object of at most 16 KiB and 16 levels, or that has
// keys which other stores and languages read as operators.
func CheckMetadata(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	refuse := func(reason string) error { return fault.ErrInvalid.About("metadata", reason) }
	if len(raw) > maxMetadataBytes {
		return refuse("must be at most 16 KiB")
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return refuse("must be a JSON object")
	}
	if !plainKeys(object, maxMetadataDepth) {
		return refuse("must be at most 16 levels deep, without empty keys or keys that begin with $ or hold a dot, NUL or __proto__")
	}
	return nil
}

func plainKeys(value any, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == "" || key == "__proto__" || key[0] == '$' || strings.ContainsAny(key, ".\x00") || !plainKeys(inner, depth-1) {
				return false
			}
		}
	case []any:
		for _, inner := range v {
			if !plainKeys(inner, depth-1) {
				return false
			}
		}
	}
	return true
}
