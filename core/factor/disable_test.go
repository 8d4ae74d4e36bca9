package factor_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
)

func TestOnlyUserEnrollsAndOnlyManagerDisables(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin, eve := b.User(t, "root", domain.RoleAdmin), b.User(t, "eve", domain.RoleUser)
	user, enrollment := b.enrolled(t)
	byAdmin, byEve := b.As(t, admin), b.As(t, eve)
	byKey := b.As(t, user)
	byKey.Kind, byKey.KeyID, byKey.AuthTime = domain.PrincipalAPIKey, "key_x", time.Time{}

	_, err := b.service.Enroll(t.Context(), byEve, user.ID, factor.EnrollInput{})
	wantErr(t, err, domain.ErrUserNotFound)
	_, err = b.service.Enroll(t.Context(), byAdmin, user.ID, factor.EnrollInput{})
	wantErr(t, err, fault.ErrForbidden)
	_, err = b.service.Enroll(t.Context(), byAdmin, "usr_absent", factor.EnrollInput{})
	wantErr(t, err, domain.ErrUserNotFound)
	_, err = b.service.Enroll(t.Context(), byKey, user.ID, factor.EnrollInput{})
	wantErr(t, err, fault.ErrForbidden)
	_, err = b.service.Enroll(t.Context(), domain.Principal{}, user.ID, factor.EnrollInput{})
	wantErr(t, err, fault.ErrUnauthorized)
	wantErr(t, b.service.Activate(t.Context(), byAdmin, user.ID, b.code(t, enrollment.Setup.Secret)), fault.ErrForbidden)
	wantErr(t, b.service.Disable(t.Context(), byEve, user.ID, factor.Proof{}), domain.ErrUserNotFound)
	wantErr(t, b.service.Disable(t.Context(), byKey, user.ID, factor.Proof{}), fault.ErrForbidden)

	if err := b.service.Disable(t.Context(), byAdmin, user.ID, factor.Proof{}); err != nil {
		t.Fatal(err)
	}
	entries := b.Entries(t)
	last := entries[len(entries)-1]
	if last.Action != domain.ActionTwoFactorDisable || last.UserID != string(admin.ID) || last.Target != string(user.ID) {
		t.Errorf("the last entry is %s by %s on %s", last.Action, last.UserID, last.Target)
	}
	messages, err := b.Store.Messages().ClaimMessages(t.Context(), b.Clock.Now(), b.Clock.Now().Add(time.Minute), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 2 { // enabled, and disabled by another user
		t.Errorf("%d messages for the user, want 2", len(messages))
	}
}

func TestDisableRefusedForUserWithMorePermissions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin := b.User(t, "root", domain.RoleAdmin)
	helpdesk := b.As(t, b.User(t, "desk", domain.RoleUser))
	helpdesk.Grants = append(helpdesk.Grants, domain.Grant{Source: "group:desk", Permission: domain.UsersManage})
	wantErr(t, b.service.Disable(t.Context(), helpdesk, admin.ID, factor.Proof{}), fault.ErrForbidden)
}

func TestDisableIsRefusedWhileRoleRequiresFactor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, _ := b.enrolled(t)
	_, err := b.Store.CatalogStore().UpdateSettings(t.Context(), func(s *domain.Settings, _ *domain.Outbox) error {
		s.TwoFactor.Enabled, s.TwoFactor.RequiredForRoles = true, []domain.RoleID{domain.RoleUser}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	by := b.As(t, user)
	wantErr(t, b.service.Disable(t.Context(), by, user.ID, factor.Proof{}), domain.ErrTwoFactorNeeded)
	if err := b.service.Disable(t.Context(), domain.Operator(), user.ID, factor.Proof{}); err != nil {
		t.Errorf("the operator on the machine: %v", err)
	}
	// A principal with the enrollment scope can enroll and nothing else.
	by.Scope = domain.ScopeEnrollment
	if _, err := b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{}); err != nil {
		t.Errorf("enrolling with the enrollment scope: %v", err)
	}
	wantErr(t, b.service.Disable(t.Context(), domain.Principal{
		Kind: domain.PrincipalUser, UserID: "usr_x", Scope: domain.ScopeEnrollment,
	}, user.ID, factor.Proof{}), domain.ErrEnrollmentRequired)
}

// A long time in the settings must not accept a login of hours ago as a proof, which is not accepted without the
// setting.
func TestReauthenticationSettingNeverExtendsTheDefault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, _ := b.enrolled(t)
	_, err := b.Store.CatalogStore().UpdateSettings(t.Context(), func(s *domain.Settings, _ *domain.Outbox) error {
		s.Session.ReauthenticateMinutes = 60
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	by := b.As(t, user)
	by.AuthTime = b.Clock.Now().Add(-11 * time.Minute)
	wantErr(t, b.service.Disable(t.Context(), by, user.ID, factor.Proof{}), domain.ErrReauthentication)
	by.AuthTime = b.Clock.Now().Add(-9 * time.Minute)
	wantErr(t, b.service.Disable(t.Context(), by, user.ID, factor.Proof{}), nil)
}
