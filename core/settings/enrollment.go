package settings

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Patched is the result of a patch: the settings, with warnings about the effects on users who are logged in.
type Patched struct {
	domain.Settings

	Warnings []string
}

// extends reports whether the change adds a role that must have a second factor.
func extends(before, after domain.TwoFactorPolicy) bool {
	return slices.ContainsFunc(after.RequiredForRoles, func(role domain.RoleID) bool {
		return after.Requires(role) && !before.Requires(role)
	})
}

// grace returns the exempt session after a change: the session of the request, if the change makes a second factor
// mandatory for its own user, or else the session that was exempt before. If no second factor is required, no session
// is exempt.
func (s *Service) grace(by domain.Principal, before, after *domain.Settings) domain.EnrollmentGrace {
	switch {
	case !after.TwoFactor.Enabled:
		return domain.EnrollmentGrace{}
	case !requiresForSelf(by, before.TwoFactor, after.TwoFactor):
		return before.Grace
	case by.Kind != domain.PrincipalUser || by.SessionID == "":
		return domain.EnrollmentGrace{}
	}
	return domain.EnrollmentGrace{Session: by.SessionID, Until: s.deps.Clock.Now().UTC().Add(domain.EnrollmentGraceFor)}
}

// requiresForSelf reports whether a change makes a second factor mandatory for the principal's own user.
func requiresForSelf(by domain.Principal, before, after domain.TwoFactorPolicy) bool {
	return after.Requires(by.Role) && !before.Requires(by.Role)
}

// enrollmentWarnings returns, for a patch that makes a second factor mandatory for more users, how many administrators
// have none, and how long the session of the request keeps its permissions. It reads before the change, so that a
// failed read leaves nothing half done.
func (s *Service) enrollmentWarnings(
	ctx context.Context, by domain.Principal, catalog *domain.Catalog, patch Patch,
) ([]string, error) {
	before, after := catalog.Settings, catalog.Settings
	if err := patch.apply(&after); err != nil {
		return nil, err
	}
	if !extends(before.TwoFactor, after.TwoFactor) {
		return nil, nil
	}
	members, err := s.deps.Guard.Members(ctx)
	if err != nil {
		return nil, err
	}
	var without []domain.UserID
	for _, id := range members {
		user, err := s.deps.Users.Get(ctx, id)
		switch {
		case errors.Is(err, domain.ErrUserNotFound):
		case err != nil:
			return nil, err
		case !user.Factor.IsOn():
			without = append(without, id)
		}
	}
	var warnings []string
	if n := len(without); n > 0 {
		warnings = append(warnings, fmt.Sprintf("%d of %d administrators have no second factor: "+
			"those whose role requires one can do nothing but set it up", n, len(members)))
	}
	now := s.deps.Clock.Now() // before the grace begins, so that a new one is whole
	grace := s.grace(by, &before, &after)
	if slices.Contains(without, by.UserID) && grace.Covers(by.SessionID, now) {
		warnings = append(warnings, fmt.Sprintf("you have no second factor: "+
			"set one up in this session within %d minutes, or take the change back", minutesLeft(grace.Until.Sub(now))))
	}
	return warnings, nil
}

// minutesLeft returns a duration in full minutes, and at least one.
func minutesLeft(d time.Duration) int { return max(1, int(d.Minutes())) }
