package domain

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// Group is a named set of permissions that any number of users share. Who belongs to it is written in the users.
type Group struct {
	ID          GroupID
	Name        string // unique, kept for life in the id's stead wherever people read it
	NameKey     string // Name without regard to case; empty in groups that were stored before it was, see Key
	Description string
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// MaxGroupNameLength bounds the name of a group, in characters.
const MaxGroupNameLength = 64

// CheckGroupName returns fault.ErrInvalid for a name that a group cannot have: 1 to 64 letters, digits, spaces or . _ - that
// begin with a letter or digit, where no word mixes scripts. One that reads as an id is refused, since calls take either.
func CheckGroupName(name string) error {
	refuse := func(reason string) error { return fault.ErrInvalid.About("name", reason) }
	first, _ := utf8.DecodeRuneInString(name)
	_, err := ParseGroupID(name)
	other := func(r rune) bool { return !nameCharacter(r) && !strings.ContainsRune(" ._-", r) }
	if err == nil || utf8.RuneCountInString(name) > MaxGroupNameLength || !utf8.ValidString(name) || strings.ContainsFunc(name, other) ||
		!unicode.IsLetter(first) && !unicode.IsDigit(first) {
		return refuse("must be 1 to 64 letters, digits, spaces or . _ - and begin with a letter or digit")
	}
	if slices.ContainsFunc(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ._-", r) }), mixesScripts) {
		return refuse("must not mix letters of several scripts in one word")
	}
	return nil
}

// SetNameKey derives NameKey from Name with fold, the case folding of names. Spaces at the end and repeated ones do not count.
func (g *Group) SetNameKey(fold func(string) string) {
	g.NameKey = fold(strings.Join(strings.Fields(g.Name), " "))
}

// Key returns the form under which the name is unique. A group without a NameKey has a name in ASCII, the only letters that
// were allowed when it was stored.
func (g *Group) Key() string {
	if g.NameKey != "" {
		return g.NameKey
	}
	return strings.ToLower(strings.Join(strings.Fields(g.Name), " "))
}

// The failures of groups.
var (
	ErrGroupNotFound = fault.New(fault.NotFound, "not_found", "Group not found")
	ErrGroupExists   = fault.New(fault.Conflict, "conflict", "A group with this name exists").About("name", "is taken")
)
