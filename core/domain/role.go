package domain

import (
	"regexp"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// RoleID is a role's slug, such as "admin".
type RoleID string

// Role is a named set of permissions; each user has exactly one. A lower Level is more powerful in the Users API.
type Role struct {
	ID          RoleID
	Identifier  string // eight hexadecimal digits, the ID in the Users API
	Name        string
	Permissions []Permission
	Level       int
	BuiltIn     bool
	CreatedAt   time.Time
}

// The built-in roles that code refers to.
const (
	RoleAdmin RoleID = "admin"
	RoleUser  RoleID = "user"
	RoleSudo  RoleID = "sudo"
	RoleGuest RoleID = "guest"
)

// DefaultRoleLevel is the level of a role created without one.
const DefaultRoleLevel = 100

// BuiltInRoles returns the roles that every installation has and that cannot be deleted.
func BuiltInRoles() []Role {
	role := func(id RoleID, identifier, name string, level int, permissions ...Permission) Role {
		return Role{ID: id, Identifier: identifier, Name: name, Level: level, Permissions: permissions, BuiltIn: true}
	}
	return []Role{
		role(RoleAdmin, "06eeeacb", "Administrator", 1, UsersManage, "bots.manage", SystemConfigure),
		role(RoleUser, "0d3bb5a2", "User", 50, "bots.use", ProfileEdit),
		role(RoleSudo, "00a8c1f4", "Superuser", 0, PermissionAll),
		role("supervisor", "02b7d6e9", "Supervisor", 2, UsersRead, "bots.use", ProfileEdit),
		role("operator", "0a51c37e", "Operator", 10, "bots.use", ProfileEdit),
		role("auditor", "64f09b18", "Auditor", 100, UsersRead, AuditRead, AuditExport, ProfileEdit),
		role(RoleGuest, "ff2e4d7a", "Guest", 256, ProfileEdit),
	}
}

// BuiltInRole returns the built-in role with the ID as it is shipped; ok is false for any other ID.
func BuiltInRole(id RoleID) (role Role, ok bool) {
	for _, role := range BuiltInRoles() {
		if role.ID == id {
			return role, true
		}
	}
	return Role{}, false
}

var roleIDForm = regexp.MustCompile(Patterns.RoleID)

// ParseRoleID parses a role ID. Any other text is fault.ErrInvalid for the field.
func ParseRoleID(field, text string) (RoleID, error) {
	if !Limits.RoleID.Allows(len(text)) || !roleIDForm.MatchString(text) {
		return "", fault.ErrInvalid.About(field, "must be "+Limits.RoleID.String()+" lower-case letters, digits, - or _")
	}
	return RoleID(text), nil
}

// The errors of roles.
var (
	ErrRoleNotFound = fault.New(fault.NotFound, "not_found", "Role not found")
	ErrRoleExists   = fault.New(fault.Conflict, "conflict", "A role with this id exists").About("role_id", "is taken")
	ErrRoleInUse    = fault.New(fault.Conflict, "conflict", "The role is in use")
	ErrRoleBuiltIn  = fault.New(fault.Conflict, "conflict", "A built-in role cannot be deleted")
	ErrRoleLevel    = fault.New(fault.Conflict, "conflict", "A built-in role keeps its level").
			About("level", "cannot be changed")
)
