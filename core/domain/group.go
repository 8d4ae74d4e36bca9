package domain

import (
	"regexp"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// Group is a named set of permissions that any number of users share. Who belongs to it is written in the users.
type Group struct {
	ID          GroupID
	Name        string // unique, kept for life in the id's stead wherever people read it
	Description string
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

var groupNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)

// CheckGroupName returns fault.ErrInvalid for a name that a group cannot have. One that reads as an id is refused, since
// calls take either.
func CheckGroupName(name string) error {
	if _, err := ParseGroupID(name); err == nil || !groupNameForm.MatchString(name) {
		return fault.ErrInvalid.About("name", "must be 1 to 64 letters, digits, spaces or . _ - and begin with a letter or digit")
	}
	return nil
}

// The failures of groups.
var (
	ErrGroupNotFound = fault.New(fault.NotFound, "not_found", "Group not found")
	ErrGroupExists   = fault.New(fault.Conflict, "conflict", "A group with this name exists").About("name", "is taken")
)
