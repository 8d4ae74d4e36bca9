package domain

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// Group is a named set of permissions that any number of users share. The users store their memberships.
type Group struct {
	ID          GroupID
	Name        string // unique; displayed instead of the ID
	NameKey     string // case-folded Name; empty in groups stored by earlier versions, see Key
	Description string
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// CheckGroupName returns fault.ErrInvalid for an invalid group name. A name consists of letters, digits, spaces or
// . _ - and starts with a letter or digit, where no word mixes scripts. A name in the form of an ID is refused, since
// calls accept either.
func CheckGroupName(name string) error {
	refuse := func(reason string) error { return fault.ErrInvalid.About("name", reason) }
	first, _ := utf8.DecodeRuneInString(name)
	_, err := ParseGroupID(name)
	other := func(r rune) bool { return !nameCharacter(r) && !strings.ContainsRune(" ._-", r) }
	if err == nil || !Limits.GroupName.AllowsText(name) || strings.ContainsFunc(name, other) ||
		!unicode.IsLetter(first) && !unicode.IsDigit(first) {
		return refuse("must be " + Limits.GroupName.String() +
			" letters, digits, spaces or . _ - and begin with a letter or digit")
	}
	if slices.ContainsFunc(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ._-", r) }),
		mixesScripts) {
		return refuse("must not mix letters of several scripts in one word")
	}
	return nil
}

// SetNameKey derives NameKey from Name with fold, the case folding of names. It ignores trailing and repeated spaces.
func (g *Group) SetNameKey(fold func(string) string) {
	g.NameKey = fold(strings.Join(strings.Fields(g.Name), " "))
}

// Key returns the form in which the name is unique. A group without a NameKey has an ASCII name, the only letters
// allowed when it was stored.
func (g *Group) Key() string {
	if g.NameKey != "" {
		return g.NameKey
	}
	return strings.ToLower(strings.Join(strings.Fields(g.Name), " "))
}

// The errors of groups.
var (
	ErrGroupNotFound = fault.New(fault.NotFound, "not_found", "Group not found")
	ErrGroupExists   = fault.New(fault.Conflict, "conflict", "A group with this name exists").About("name", "is taken")
)
