package domain

// Patterns are the forms of ids and names as regular expressions. The OpenAPI document takes them from here by their
// names, so they use only what RE2, ECMAScript and Python read alike.
var Patterns = struct {
	UserID, GroupID, SessionID, KeyID     string
	RoleID, Permission, GrantedPermission string
	PhoneNumber                           string
}{
	UserID: idPattern(UserPrefix), GroupID: idPattern(GroupPrefix), SessionID: idPattern(SessionPrefix),
	KeyID:             idPattern(KeyPrefix),
	RoleID:            `^[a-z0-9][a-z0-9_-]*$`,
	Permission:        `^[a-z0-9_-]+(\.[a-z0-9_-]+)+$`,
	GrantedPermission: `^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.\*|[a-z0-9_-]+(\.[a-z0-9_-]+)+)$`,
	PhoneNumber:       `^\+[1-9][0-9]{6,14}$`,
}

func idPattern(prefix string) string { return "^" + prefix + "[0-9a-hjkmnp-tv-z]{26}$" }
