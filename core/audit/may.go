package audit

import "github.com/ostiary/ostiary/core/domain"

// MayList returns the refusal that List has for the principal who asks for the entries of a user, or of all where the user
// is empty.
func (s *Service) MayList(by domain.Principal, user string) error {
	if isOwn(by, user) {
		return nil
	}
	return by.Require(domain.AuditRead)
}

// isOwn reports whether the entries of the user are those of what the principal did, signed in as themselves.
func isOwn(by domain.Principal, user string) bool {
	return user != "" && by.Scope == "" && by.IsSelf(domain.UserID(user))
}
