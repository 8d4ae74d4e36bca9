package userimport_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/userimport"
)

// TestImportOfAdministrativeRightsRequiresARecentProof imports as an administrator whose sign-in is older than the
// settings allow, as one whose sign-in is recent, and as the operator.
func TestImportOfAdministrativeRightsRequiresARecentProof(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	_, err := s.Settings.Patch(t.Context(), domain.Operator(),
		settings.Patch{"session_policy.reauthenticate_minutes": 5}, 0)
	if err != nil {
		t.Fatal(err)
	}
	recent := domain.Principal{
		Kind: domain.PrincipalUser, UserID: "usr_1", AuthTime: s.Clock.Now(),
		Grants: domain.Grants{{Source: "role:sudo", Permission: domain.PermissionAll}},
	}
	old := recent
	old.AuthTime = old.AuthTime.Add(-time.Hour)
	for _, test := range []struct {
		by   domain.Principal
		name string
		want userimport.Outcome
	}{
		{old, "old", userimport.Refused},
		{recent, "new", userimport.Created},
		{domain.Operator(), "op", userimport.Created},
	} {
		for _, dryRun := range []bool{true, false} {
			users, err := imports.Users(t.Context(), test.by, userimport.Batch{DryRun: dryRun, Users: []userimport.User{
				{Username: test.name, Email: test.name + "@example.com", Role: "admin"},
				{Username: test.name + "-plain", Email: test.name + "-plain@example.com"},
			}})
			if err != nil || users[0].Outcome != test.want || users[1].Outcome != userimport.Created {
				t.Errorf("%s, dry run %t: users %+v, %v", test.name, dryRun, users, err)
			}
			roles, err := imports.Roles(t.Context(), test.by, []userimport.Role{
				{Name: test.name + "-permission", Level: 200, Permissions: []string{"users.manage"}},
				{Name: test.name + "-level", Level: 1},
				{Name: test.name + "-plain", Level: 200},
			}, dryRun)
			if err != nil || roles[0].Outcome != test.want || roles[1].Outcome != test.want ||
				roles[2].Outcome != userimport.Created {
				t.Errorf("%s, dry run %t: roles %+v, %v", test.name, dryRun, roles, err)
			}
		}
	}
}
