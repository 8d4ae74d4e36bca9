package settings_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/kit"
)

const password = "Correct-Horse-7-Battery"

var (
	requireOn  = settings.Patch{"two_factor.enabled": true}
	requireOff = settings.Patch{"two_factor.enabled": false}
)

// TestSessionThatRequiresSecondFactorKeepsPermissions makes a second factor mandatory as the only administrator without
// one, reverts it, and repeats it until the grace period ends.
func TestSessionThatRequiresSecondFactorKeepsPermissions(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", password, "admin")
	mine, by := s.SignIn(t, "root", password, "192.0.2.1")
	other, _ := s.SignIn(t, "root", password, "192.0.2.2")
	scope := func(token string) domain.Scope {
		t.Helper()
		p, err := s.Auth.Authenticate(t.Context(), token, kit.Origin)
		must(t, err)
		return p.Scope
	}
	patch := func(p settings.Patch) settings.Patched {
		t.Helper()
		patched, err := s.Settings.Patch(t.Context(), by, p, 0)
		must(t, err)
		return patched
	}
	want := []string{
		"1 of 1 administrators have no second factor: those whose role requires one can do nothing but set it up",
		"you have no second factor: set one up in this session within 30 minutes, or take the change back",
	}
	if diff := cmp.Diff(want, patch(requireOn).Warnings); diff != "" {
		t.Errorf("the warnings differ (-want +got):\n%s", diff)
	}
	if scope(mine.Tokens.Access) != "" || scope(other.Tokens.Access) != domain.ScopeEnrollment {
		t.Error("want permissions in the session that made the change, and in no other")
	}
	s.Clock.Forward(domain.EnrollmentGraceFor - time.Second)
	refreshed, err := s.Auth.Refresh(t.Context(), kit.From("192.0.2.1"), mine.Tokens.Refresh)
	must(t, err)
	if refreshed.Scope != "" || scope(refreshed.Tokens.Access) != "" {
		t.Error("the session lost its permissions before the end of the grace period")
	}
	if warnings := patch(requireOff).Warnings; len(warnings) != 0 {
		t.Errorf("reverting the change returns warnings: %v", warnings)
	}
	patch(requireOn)
	s.Clock.Forward(domain.EnrollmentGraceFor / 2)
	if scope(refreshed.Tokens.Access) != "" {
		t.Error("repeating the change does not renew the grace period")
	}
	s.Clock.Forward(domain.EnrollmentGraceFor / 2)
	if scope(refreshed.Tokens.Access) != domain.ScopeEnrollment {
		t.Error("the session keeps its permissions after the grace period")
	}
}

// TestExemptSessionSurvivesRestart opens the database again after the change.
func TestExemptSessionSurvivesRestart(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", password, "admin")
	_, by := s.SignIn(t, "root", password, "192.0.2.1")
	_, err := s.Settings.Patch(t.Context(), by, requireOn, 0)
	must(t, err)
	must(t, s.Store.Close(t.Context()))
	again, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: s.Dir, Clock: s.Clock})
	must(t, err)
	defer func() { must(t, again.Close(t.Context())) }()
	catalog, err := again.CatalogStore().Catalog(t.Context())
	must(t, err)
	grace := catalog.Settings.Grace
	now := s.Clock.Now()
	if !grace.Covers(by.SessionID, now) || grace.Covers(by.SessionID, now.Add(domain.EnrollmentGraceFor)) {
		t.Errorf("after a restart %+v does not exempt the session until the end of the grace period", grace)
	}
}

// TestOnlyAffectedSessionIsExempt makes changes that do not make a second factor mandatory for the principal.
func TestOnlyAffectedSessionIsExempt(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	session := domain.Operator()
	session.Kind, session.UserID, session.SessionID = domain.PrincipalUser, "usr_x", "sess_x"
	session.Role = domain.RoleAdmin
	key := session
	key.Kind, key.SessionID, key.KeyID = domain.PrincipalAPIKey, "", "key_x"
	other := session
	other.Role = domain.RoleSudo
	for name, by := range map[string]domain.Principal{
		"an API key": key, "the operator": domain.Operator(), "a user with another role": other,
	} {
		patched, err := s.Patch(t.Context(), by, requireOn, 0)
		must(t, err)
		if patched.Grace != (domain.EnrollmentGrace{}) {
			t.Errorf("%s: %+v is exempt", name, patched.Grace)
		}
		_, err = s.Patch(t.Context(), by, requireOff, 0)
		must(t, err)
	}
	exempt, err := s.Patch(t.Context(), session, requireOn, 0)
	must(t, err)
	unchanged, err := s.Patch(t.Context(), other, settings.Patch{"session_policy.max_sessions": 6}, 0)
	must(t, err)
	if exempt.Grace.Session != "sess_x" || unchanged.Grace != exempt.Grace {
		t.Errorf("exempt %+v, after another change %+v", exempt.Grace, unchanged.Grace)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// runningClock advances with every read.
type runningClock struct{ *kit.Clock }

func (c runningClock) Now() time.Time {
	c.Forward(time.Millisecond)
	return c.Clock.Now()
}

// TestNewlyExemptSessionHasThirtyMinutes uses a clock that advances during the change.
func TestNewlyExemptSessionHasThirtyMinutes(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", password, "admin")
	_, by := s.SignIn(t, "root", password, "192.0.2.1")
	service := settings.New(settings.Deps{
		Store: s.Store.CatalogStore(), Catalog: s.Store.CatalogStore(), Guard: s.Store.AdminGuard(), Users: s.Store.Users(),
		AuditWriter: s.AuditWriter, Clock: runningClock{s.Clock},
	})
	patched, err := service.Patch(t.Context(), by, requireOn, 0)
	must(t, err)
	want := "you have no second factor: set one up in this session within 30 minutes, or take the change back"
	if len(patched.Warnings) != 2 || patched.Warnings[1] != want {
		t.Errorf("warnings %q, want the second to be %q", patched.Warnings, want)
	}
}

// TestWarningReportsRemainingTime extends the requirement while the session is already exempt.
func TestWarningReportsRemainingTime(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", password, "admin")
	_, by := s.SignIn(t, "root", password, "192.0.2.1")
	_, err := s.Settings.Patch(t.Context(), by, requireOn, 0)
	must(t, err)
	s.Clock.Forward(20*time.Minute + time.Second)
	roles := []string{"admin", "user"}
	patched, err := s.Settings.Patch(t.Context(), by, settings.Patch{"two_factor.required_for_roles": roles}, 0)
	must(t, err)
	want := "you have no second factor: set one up in this session within 9 minutes, or take the change back"
	if len(patched.Warnings) != 2 || patched.Warnings[1] != want {
		t.Errorf("warnings %q, want the second to be %q", patched.Warnings, want)
	}
}
