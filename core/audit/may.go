package audit

import "github.com/ostiary/ostiary/core/domain"

// MayList returns the error that List returns to the principal for the entries of the user, or of all users if user
// is empty.
func (s *Service) MayList(by domain.Principal, user string) error {
	if isOwn(by, user) {
		return nil
	}
	return by.Require(domain.AuditRead)
}

// isOwn reports whether the principal is the user, with a full session, so that the entries are those of their own
// actions.
func isOwn(by domain.Principal, user string) bool {
	return user != "" && by.Scope == "" && by.IsSelf(domain.UserID(user))
}
