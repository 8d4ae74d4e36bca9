package domain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// Permission is "resource.action" in lower case. A granted permission may also be a pattern: "resource.*" or "*".
type Permission string

// The service's own permissions. Names of other services are free.
const (
	PermissionAll     Permission = "*"
	UsersRead         Permission = "users.read"
	UsersManage       Permission = "users.manage"
	GroupsManage      Permission = "groups.manage"
	RolesManage       Permission = "roles.manage"
	SessionsManage    Permission = "sessions.manage"
	APIKeysManage     Permission = "api_keys.manage"
	AuditRead         Permission = "audit.read"
	AuditExport       Permission = "audit.export"
	TokensIntrospect  Permission = "tokens.introspect"
	TokensManage      Permission = "tokens.manage"
	DirectoriesManage Permission = "directories.manage"
	SystemConfigure   Permission = "system.configure"
	SystemKeys        Permission = "system.keys"
	SystemImport      Permission = "system.import"
	ProfileEdit       Permission = "profile.edit"
)

// implied maps a permission to the permissions that it implies.
var implied = map[Permission][]Permission{
	UsersManage: {UsersRead, GroupsManage, SessionsManage, APIKeysManage},
	SystemConfigure: {
		RolesManage, AuditRead, AuditExport, TokensIntrospect, TokensManage, DirectoriesManage, SystemKeys, SystemImport,
	},
}

// administrativeResources are the service's own resources: no principal grants a permission on one without holding it.
var administrativeResources = []string{
	"users", "groups", "roles", "sessions", "api_keys", "audit", "tokens",
	"directories", "system",
}

var (
	permissionForm = regexp.MustCompile(Patterns.Permission)
	patternForm    = regexp.MustCompile(Patterns.GrantedPermission)
)

// ParsePermission parses a permission that is not a pattern. Any other text is fault.ErrInvalid.
func ParsePermission(text string) (Permission, error) {
	if !Limits.Permission.Allows(len(text)) || !permissionForm.MatchString(text) {
		return "", fault.ErrInvalid.About("permission", "must be of the form resource.action in lower case")
	}
	return Permission(text), nil
}

// ParseGrantedPermissions parses the permissions of a role, group or key. Patterns are allowed; duplicates are removed
// and the order is kept. An invalid one is fault.ErrInvalid.
func ParseGrantedPermissions(texts []string) ([]Permission, error) {
	if !Limits.Permissions.Allows(len(texts)) {
		return nil, fault.ErrInvalid.About("permissions", "must hold "+Limits.Permissions.String()+" permissions")
	}
	result := make([]Permission, 0, len(texts))
	for _, text := range texts {
		if !Limits.Permission.Allows(len(text)) || !patternForm.MatchString(text) {
			return nil,
				fault.ErrInvalid.About("permissions", "must be of the form resource.action, resource.* or * in lower case")
		}
		if !slices.Contains(result, Permission(text)) {
			result = append(result, Permission(text))
		}
	}
	return result, nil
}

// impliedBy maps a permission to the permissions that imply it.
var impliedBy = func() map[Permission][]Permission {
	by := map[Permission][]Permission{}
	for implying, gives := range implied {
		for _, given := range gives {
			by[given] = append(by[given], implying)
		}
	}
	return by
}()

// Covers reports whether p grants q: the same permission, by a pattern, or by implication. If q is a pattern, p must
// grant all of it.
func (p Permission) Covers(q Permission) bool { return p.coversAny(q, impliedBy[q]) }

// coversAny is Covers with the permissions that imply q already looked up, for repeated calls.
func (p Permission) coversAny(q Permission, implying []Permission) bool {
	return p.matches(q) || slices.ContainsFunc(implying, p.matches)
}

func (p Permission) matches(q Permission) bool {
	if p == q || p == PermissionAll {
		return true
	}
	last := len(p) - 1
	return last > 0 && p[last] == '*' && strings.HasPrefix(string(q), string(p[:last]))
}

// IsAdministrative reports whether p is one of the service's own permissions, or a pattern that matches one.
func (p Permission) IsAdministrative() bool {
	if p == PermissionAll {
		return true
	}
	resource, _, _ := strings.Cut(string(p), ".")
	return slices.Contains(administrativeResources, resource)
}

// Grant is a permission as it is stored, with its source: "role:<id>" or "group:<name>".
type Grant struct {
	Source     string
	Permission Permission
}

// Grants are all grants of a principal, the role's first.
type Grants []Grant

// Find returns the first grant that covers p.
func (g Grants) Find(p Permission) (Grant, bool) {
	implying := impliedBy[p]
	for i := range g {
		if g[i].Permission.coversAny(p, implying) {
			return g[i], true
		}
	}
	return Grant{}, false
}

// Has reports whether a grant covers p.
func (g Grants) Has(p Permission) bool {
	_, ok := g.Find(p)
	return ok
}

// All returns every grant that covers p.
func (g Grants) All(p Permission) Grants {
	return slices.DeleteFunc(slices.Clone(g), func(grant Grant) bool { return !grant.Permission.Covers(p) })
}

// Implied is a permission that follows from another one, with the same source.
type Implied struct {
	Grant

	By Permission // the permission that implies it
}

// Implied returns the permissions that follow from the grants and that their source does not grant itself, in the order
// of the grants.
func (g Grants) Implied() []Implied {
	var all []Implied
	for _, grant := range g {
		for _, follows := range implied[grant.Permission] {
			known := func(other Grant) bool { return other.Source == grant.Source && other.Permission == follows }
			if !slices.ContainsFunc(g, known) {
				all = append(all, Implied{Grant: Grant{Source: grant.Source, Permission: follows}, By: grant.Permission})
			}
		}
	}
	return all
}

// IsAdministrator reports whether the holder can administer the service: "*", or users.manage with system.configure.
func (g Grants) IsAdministrator() bool {
	return g.Has(PermissionAll) || g.Has(UsersManage) && g.Has(SystemConfigure)
}

// MayGrant reports whether the holder may grant p to a role, group or key: the holder has p, or has system.configure
// and p is not "*".
func (g Grants) MayGrant(p Permission) bool {
	return g.Has(p) || p != PermissionAll && g.Has(SystemConfigure)
}

// FirstNotGrantable returns the first administrative permission in others that the holder may not grant. It prevents
// granting a role or group with more permissions than the holder's own.
func (g Grants) FirstNotGrantable(others []Permission) (Permission, bool) {
	for _, p := range others {
		if p.IsAdministrative() && !g.MayGrant(p) {
			return p, true
		}
	}
	return "", false
}

// FirstNotHeld returns the first administrative permission in others that the holder lacks. It prevents acting on a
// user with more permissions than the holder.
func (g Grants) FirstNotHeld(others []Permission) (Permission, bool) {
	for _, p := range others {
		if p.IsAdministrative() && !g.Has(p) {
			return p, true
		}
	}
	return "", false
}

// Permissions returns the granted permissions, without sources or duplicates.
func (g Grants) Permissions() []Permission {
	result := make([]Permission, 0, len(g))
	for _, grant := range g {
		if !slices.Contains(result, grant.Permission) {
			result = append(result, grant.Permission)
		}
	}
	return result
}
