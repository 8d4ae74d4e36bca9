package settings

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Patched are the settings after a change, with what the change brings for people who are signed in.
type Patched struct {
	domain.Settings

	Warnings []string
}

// extends reports whether a role comes under the duty to have a second factor.
func extends(before, after domain.TwoFactorPolicy) bool {
	return slices.ContainsFunc(after.RequiredForRoles, func(role domain.RoleID) bool {
		return after.Requires(role) && !before.Requires(role)
	})
}

// grace returns which session is spared the duty after a change: the one that asks, where the change puts its own user
// under the duty, else the one that was spared before. Without the duty no session is.
func (s *Service) grace(by domain.Principal, before, after *domain.Settings) domain.EnrollmentGrace {
	switch {
	case !after.TwoFactor.Enabled:
		return domain.EnrollmentGrace{}
	case !putsUnderDuty(by, before.TwoFactor, after.TwoFactor):
		return before.Grace
	case by.Kind != domain.PrincipalUser || by.SessionID == "":
		return domain.EnrollmentGrace{}
	}
	return domain.EnrollmentGrace{Session: by.SessionID, Until: s.clock.Now().UTC().Add(domain.EnrollmentGraceFor)}
}

// putsUnderDuty reports whether a change puts the principal's own user under the duty.
func putsUnderDuty(by domain.Principal, before, after domain.TwoFactorPolicy) bool {
	return after.Requires(by.Role) && !before.Requires(by.Role)
}

// dutyWarnings says, for a patch that puts people under the duty, how many administrators have no second factor, and
// how long the session that asks keeps its rights. It looks before the change, so that a failed look leaves nothing
// half done.
func (s *Service) dutyWarnings(
	ctx context.Context, by domain.Principal, catalog *domain.Catalog, patch Patch,
) ([]string, error) {
	before, after := catalog.Settings, catalog.Settings
	patch.apply(&after)
	if !extends(before.TwoFactor, after.TwoFactor) {
		return nil, nil
	}
	members, err := s.guard.Members(ctx)
	if err != nil {
		return nil, err
	}
	var without []domain.UserID
	for _, id := range members {
		user, err := s.users.Get(ctx, id)
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
	now := s.clock.Now() // before the grace begins, so that a new one is whole
	grace := s.grace(by, &before, &after)
	if slices.Contains(without, by.UserID) && grace.Covers(by.SessionID, now) {
		warnings = append(warnings, fmt.Sprintf("you have no second factor: "+
			"set one up in this session within %d minutes, or take the change back", minutesLeft(grace.Until.Sub(now))))
	}
	return warnings, nil
}

// minutesLeft returns a duration in full minutes, and at least one.
func minutesLeft(d time.Duration) int { return max(1, int(d.Minutes())) }
