package tpt

import "github.com/ostiary/ostiary/core/domain"

// Sign returns the token with these claims.
func Sign(secret, createdOn string, role domain.RoleID, id string) (string, error) {
	return sign(secret, claims{CreatedOn: createdOn, Role: role, ID: id})
}
