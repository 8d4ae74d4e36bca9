package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// reservedUsernames are words with a meaning of their own wherever an API names users by username, and "." and "..",
// which clients resolve.
var reservedUsernames = []string{
	"login", "logout", "signup", "roles", "change_password", "reset_password", "update_role", "create_tpt",
	"credentials_are_valid", "tpt", ".", "..",
}

// CheckUsernameKey returns fault.ErrInvalid for a case-folded name that is reserved.
func CheckUsernameKey(key string) error {
	if slices.Contains(reservedUsernames, key) {
		return fault.ErrInvalid.About("username", "is reserved")
	}
	return nil
}

// CheckUsername returns fault.ErrInvalid for an invalid username. A username consists of letters, digits or . _ - @ +,
// of one script (a Cyrillic letter among Latin ones could deceive readers), and not reserved.
func CheckUsername(name string) error {
	refuse := func(reason string) error { return fault.ErrInvalid.About("username", reason) }
	if !Limits.Username.AllowsText(name) {
		return refuse("must be " + Limits.Username.String() + " characters")
	}
	for _, r := range name {
		if !nameCharacter(r) && !strings.ContainsRune("._-@+", r) {
			return refuse("must hold only letters, digits and . _ - @ +")
		}
	}
	if mixesScripts(name) {
		return refuse("must not mix letters of several scripts")
	}
	return CheckUsernameKey(strings.ToLower(name))
}

// CheckDirectoryUsername returns fault.ErrInvalid for an invalid username of a user of an external directory.
// Directories have their own rules, so every visible name is valid.
func CheckDirectoryUsername(name string) error {
	return Limits.DirectoryUsername.CheckVisible("username", name)
}

// confusable are the scripts with letters that look alike.
var confusable = []*unicode.RangeTable{
	unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian,
	unicode.Cherokee,
}

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
	emailLocal = regexp.MustCompile(
		`^(\p{L}\p{M}*|[\p{N}!#$%&'*+/=?^_{|}~-])+(\.(\p{L}\p{M}*|[\p{N}!#$%&'*+/=?^_{|}~-])+)*$`)
	emailDomain = regexp.MustCompile(
		`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// CheckEmail returns fault.ErrInvalid for text that is not an address of the form local@domain (RFC 5321 without quoted
// local parts; the domain in ASCII, as IDNA encodes it).
func CheckEmail(email string) error {
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at > 64 || !Limits.Email.Allows(len(email)) || !utf8.ValidString(email) ||
		!emailLocal.MatchString(email[:at]) || !emailDomain.MatchString(email[at+1:]) ||
		strings.ContainsFunc(email[:at], invisible) {
		return fault.ErrInvalid.About("email", "must be an e-mail address")
	}
	return nil
}

// Metadata is a JSON object of a user's own data as it was sent; nil if there is none.
type Metadata = json.RawMessage

// CheckMetadata returns fault.ErrInvalid for metadata that is not a JSON object of at most 16 KiB and 16 levels. Every
// key is allowed: metadata is stored as the text that was sent, and no store reads its keys.
func CheckMetadata(raw Metadata) error {
	if len(raw) == 0 {
		return nil
	}
	refuse := func(reason string) error { return fault.ErrInvalid.About("metadata", reason) }
	if !Limits.Metadata.Allows(len(raw)) {
		return refuse(fmt.Sprintf("must be at most %d KiB", Limits.Metadata.Max>>10))
	}
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); !json.Valid(raw) || trimmed[0] != '{' {
		return refuse("must be a JSON object")
	}
	if !utf8.Valid(raw) {
		return refuse("must be valid UTF-8")
	}
	if !Limits.MetadataDepth.Allows(depthOf(raw)) {
		return refuse("must be " + Limits.MetadataDepth.String() + " levels deep")
	}
	return nil
}

// depthOf returns the nesting depth of the objects and lists of valid JSON.
func depthOf(raw Metadata) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
