package domain

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// Permission is "resource.action" in lower case. Where one is granted it may also be a pattern: "resource.*" or "*".
type Permission string

// The service's own permissions. Names of other services are free.
const (
	PermissionAll           Permission = "*"
	UsersRead               Permission = "users.read"
	UsersManage             Permission = "users.manage"
	GroupsManage            Permission = "groups.manage"
	RolesManage             Permission = "roles.manage"
	SessionsManage          Permission = "sessions.manage"
	APIKeysManage           Permission = "api_keys.manage"
	AuditRead               Permission = "audit.read"
	AuditExport             Permission = "audit.export"
	TokensIntrospect        Permission = "tokens.introspect"
	DirectoriesManage       Permission = "directories.manage"
	SystemConfigure         Permission = "system.configure"
	ProfileEdit             Permission = "profile.edit"
	maxPermissionLength                = 128
	maxPermissionsPerHolder            = 200
)

// implied says which permissions come with another.
var implied = map[Permission][]Permission{
	UsersManage:     {UsersRead, GroupsManage, SessionsManage, APIKeysManage},
	SystemConfigure: {RolesManage, AuditRead, AuditExport, TokensIntrospect, DirectoriesManage},
}

// administrativeResources are the resources that are the service's own: nobody grants a permission on one without holding it.
var administrativeResources = []string{"users", "groups", "roles", "sessions", "api_keys", "audit", "tokens", "directories", "system"}

var (
	permissionForm = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)+$`)
	patternForm    = regexp.MustCompile(`^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.\*|[a-z0-9_-]+(\.[a-z0-9_-]+)+)$`)
)

// ParsePermission returns the permission in text; it must not be a pattern. Anything else is fault.ErrInvalid.
func ParsePermission(text string) (Permission, error) {
	if len(text) > maxPermissionLength || !permissionForm.MatchString(text) {
		return "", fault.ErrInvalid.About("permission", "must be of the form resource.action in lower case")
	}
	return Permission(text), nil
}

// ParseGrantedPermissions returns the permissions of a role, group or key, patterns allowed, without doubles and in the order
// given. A wrong one is fault.ErrInvalid that names its place.
func ParseGrantedPermissions(texts []string) ([]Permission, error) {
	if len(texts) > maxPermissionsPerHolder {
		return nil, fault.ErrInvalid.About("permissions", "must hold at most 200 permissions")
	}
	result := make([]Permission, 0, len(texts))
	for _, text := range texts {
		if len(text) > maxPermissionLength || !patternForm.MatchString(text) {
			return nil, fault.ErrInvalid.About("permissions", "must be of the form resource.action, resource.* or * in lower case")
		}
		if !slices.Contains(result, Permission(text)) {
			result = append(result, Permission(text))
		}
	}
	return result, nil
}

// impliedBy says by which others a permission comes.
var impliedBy = func() map[Permission][]Permission {
	by := map[Permission][]Permission{}
	for implying, gives := range implied {
		for _, given := range gives {
			by[given] = append(by[given], implying)
		}
	}
	return by
}()

// Covers reports whether holding p gives q: the same, by a pattern, or by implication. q may itself be a pattern; then
// p must give all of it.
func (p Permission) Covers(q Permission) bool { return p.coversAny(q, impliedBy[q]) }

// coversAny is Covers with what implies q looked up already, for who asks many.
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

// IsAdministrative reports whether p is, or as a pattern reaches, one of the service's own permissions.
func (p Permission) IsAdministrative() bool {
	if p == PermissionAll {
		return true
	}
	resource, _, _ := strings.Cut(string(p), ".")
	return slices.Contains(administrativeResources, resource)
}

// Grant is a permission held, as written where it stands, plus its source: "role:<id>" or "group:<name>".
type Grant struct {
	Source     string
	Permission Permission
}

// Grants are all that somebody holds, the role's first.
type Grants []Grant

// Find returns the first grant that gives p.
func (g Grants) Find(p Permission) (Grant, bool) {
	implying := impliedBy[p]
	for i := range g {
		if g[i].Permission.coversAny(p, implying) {
			return g[i], true
		}
	}
	return Grant{}, false
}

// Has reports whether p is given.
func (g Grants) Has(p Permission) bool {
	_, ok := g.Find(p)
	return ok
}

// All returns every grant that gives p.
func (g Grants) All(p Permission) Grants {
	return slices.DeleteFunc(slices.Clone(g), func(grant Grant) bool { return !grant.Permission.Covers(p) })
}

// Implied is a permission that follows from another one, with the same source.
type Implied struct {
	Grant

	By Permission // the one that implies it
}

// Implied returns what follows from the grants beside what each source gives itself, in the order of the grants.
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

// MayGrant reports whether the holder may write p into a role, group or key: they hold it, or they hold system.configure
// and p is not "*".
func (g Grants) MayGrant(p Permission) bool {
	return g.Has(p) || p != PermissionAll && g.Has(SystemConfigure)
}

// FirstNotGrantable returns the first administrative permission in others that the holder may not hand out. It stops
// somebody from giving away a role or group more powerful than themselves.
func (g Grants) FirstNotGrantable(others []Permission) (Permission, bool) {
	for _, p := range others {
		if p.IsAdministrative() && !g.MayGrant(p) {
			return p, true
		}
	}
	return "", false
}

// FirstNotHeld returns the first administrative permission in others that the holder lacks. It stops somebody from
// acting on a user more powerful than themselves.
func (g Grants) FirstNotHeld(others []Permission) (Permission, bool) {
	for _, p := range others {
		if p.IsAdministrative() && !g.Has(p) {
			return p, true
		}
	}
	return "", false
}

// Permissions returns what is granted, without sources or doubles.
func (g Grants) Permissions() []Permission {
	result := make([]Permission, 0, len(g))
	for _, grant := range g {
		if !slices.Contains(result, grant.Permission) {
			result = append(result, grant.Permission)
		}
	}
	return result
}
