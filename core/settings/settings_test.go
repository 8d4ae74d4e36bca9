package settings_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/kit"
)

func newService(t *testing.T) (*kit.Kit, *settings.Service) {
	t.Helper()
	k := kit.New(t)
	return k, settings.New(settings.Deps{
		Store: k.Store.CatalogStore(), Catalog: k.Store.CatalogStore(), Guard: k.Store.AdminGuard(), Users: k.Store.Users(),
		AuditWriter: k.AuditWriter, Clock: k.Clock,
	})
}

func TestNewInstallationHasDocumentedSettings(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	got, err := s.Get(t.Context(), domain.Operator())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(domain.DefaultSettings(), got); diff != "" {
		t.Errorf("the settings differ (-want +got):\n%s", diff)
	}
}

func TestPatchChangesOnlyItsFieldsAndIsAudited(t *testing.T) {
	t.Parallel()
	k, s := newService(t)
	patch := settings.Patch{
		"password_policy.min_length": 14, "password_policy.expiry_days": 60, "two_factor.enabled": true,
	}
	got, err := s.Patch(t.Context(), domain.Operator(), patch, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := domain.DefaultSettings()
	want.Version, want.UpdatedAt = 2, kit.Noon
	want.Password.MinLength, want.Password.ExpiryDays, want.TwoFactor.Enabled = 14, 60, true
	if diff := cmp.Diff(want, got.Settings); diff != "" {
		t.Errorf("the settings differ (-want +got):\n%s", diff)
	}
	again, err := s.Patch(t.Context(), domain.Operator(), patch, 0)
	if err != nil || again.Version != 2 {
		t.Errorf("repeated patch: version %d, error %v", again.Version, err)
	}
	entries := k.Entries(t)
	if len(entries) != 1 {
		t.Fatalf("the audit log has %v, want one change", kit.Actions(entries))
	}
	wantChanges := map[string]any{
		"password_policy.min_length":  map[string]any{"old": 12.0, "new": 14.0},
		"password_policy.expiry_days": map[string]any{"old": 90.0, "new": 60.0},
		"two_factor.enabled":          map[string]any{"old": false, "new": true},
	}
	if diff := cmp.Diff(wantChanges, entries[0].Details["changes"]); diff != "" {
		t.Errorf("the audited changes differ (-want +got):\n%s", diff)
	}
}

func TestEveryFieldHasARangeThatTheErrorNames(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	tests := map[string]struct {
		patch settings.Patch
		want  fault.Detail
	}{
		"a length below 8": {
			settings.Patch{"password_policy.min_length": 7},
			fault.Detail{Field: "password_policy.min_length", Reason: "must be 8 to 256"},
		},
		"a length above 256": {
			settings.Patch{"password_policy.min_length": 257},
			fault.Detail{Field: "password_policy.min_length", Reason: "must be 8 to 256"},
		},
		"a negative expiry": {
			settings.Patch{"password_policy.expiry_days": -1},
			fault.Detail{Field: "password_policy.expiry_days", Reason: "must be 0 to 3650"},
		},
		"a long history": {
			settings.Patch{"password_policy.history_count": 25},
			fault.Detail{Field: "password_policy.history_count", Reason: "must be 0 to 24"},
		},
		"no timeout": {
			settings.Patch{"session_policy.timeout_minutes": 0},
			fault.Detail{Field: "session_policy.timeout_minutes", Reason: "must be 1 to 43200"},
		},
		"no session": {
			settings.Patch{"session_policy.max_sessions": 0},
			fault.Detail{Field: "session_policy.max_sessions", Reason: "must be 1 to 100"},
		},
		"no remembered day": {
			settings.Patch{"session_policy.remember_me_days": 366},
			fault.Detail{Field: "session_policy.remember_me_days", Reason: "must be 1 to 365"},
		},
		"a negative reauthentication time": {
			settings.Patch{"session_policy.reauthenticate_minutes": -1},
			fault.Detail{Field: "session_policy.reauthenticate_minutes", Reason: "must be 0 to 1440"},
		},
		"a reauthentication time above a day": {
			settings.Patch{"session_policy.reauthenticate_minutes": 1441},
			fault.Detail{Field: "session_policy.reauthenticate_minutes", Reason: "must be 0 to 1440"},
		},
		"no attempt": {
			settings.Patch{"lockout_policy.max_attempts": 0},
			fault.Detail{Field: "lockout_policy.max_attempts", Reason: "must be 1 to 100"},
		},
		"a lock above a day": {
			settings.Patch{"lockout_policy.lockout_duration_minutes": 1441},
			fault.Detail{Field: "lockout_policy.lockout_duration_minutes", Reason: "must be 1 to 1440"},
		},
		"no window": {
			settings.Patch{"lockout_policy.reset_window_minutes": 0},
			fault.Detail{Field: "lockout_policy.reset_window_minutes", Reason: "must be 1 to 1440"},
		},
		"a cap below that of one source": {
			settings.Patch{"lockout_policy.account_max_attempts": 4},
			fault.Detail{Field: "lockout_policy.account_max_attempts", Reason: "must be 5 to 1000"},
		},
		"no method": {
			settings.Patch{"two_factor.methods": []string{}},
			fault.Detail{Field: "two_factor.methods", Reason: "must be a list of totp and sms without doubles, and not empty"},
		},
		"a method twice": {
			settings.Patch{"two_factor.methods": []string{"totp", "totp"}},
			fault.Detail{Field: "two_factor.methods", Reason: "must be a list of totp and sms without doubles, and not empty"},
		},
		"an unknown role": {
			settings.Patch{"two_factor.required_for_roles": []string{"ghost"}},
			fault.Detail{Field: "two_factor.required_for_roles", Reason: "must hold only roles that exist"},
		},
		"an unknown profile": {
			settings.Patch{settings.Profile: "iso"}, fault.Detail{Field: "profile", Reason: "must be nist"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.Patch(t.Context(), domain.Operator(), tc.patch, 0)
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatalf("got error %v, want %v", err, fault.ErrInvalid)
			}
			if diff := cmp.Diff([]fault.Detail{tc.want}, fault.Of(err).Details()); diff != "" {
				t.Errorf("the details differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatchIsAtomic(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	_, err := s.Patch(t.Context(), domain.Operator(), settings.Patch{
		"password_policy.min_length": 20, "session_policy.max_sessions": 0,
	}, 0)
	if !errors.Is(err, fault.ErrInvalid) {
		t.Fatalf("got error %v, want %v", err, fault.ErrInvalid)
	}
	got, err := s.Get(t.Context(), domain.Operator())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(domain.DefaultSettings(), got); diff != "" {
		t.Errorf("the settings differ (-want +got):\n%s", diff)
	}
}

func TestConcurrentPatchesOfOneVersionApplyOnce(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	var applied, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := s.Patch(t.Context(), domain.Operator(), settings.Patch{"password_policy.min_length": 20 + i}, 1)
			switch {
			case err == nil:
				applied.Add(1)
			case errors.Is(err, fault.ErrPrecondition):
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if applied.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d applied and %d refused, want 1 and 19", applied.Load(), refused.Load())
	}
}

func TestSettingsThatLockOutAreRefused(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	_, err := s.Patch(t.Context(), domain.Operator(), settings.Patch{
		"two_factor.enabled": true, "two_factor.methods": []string{"sms"},
	}, 0)
	if !errors.Is(err, settings.ErrLocksOut) {
		t.Errorf("got error %v, want %v", err, settings.ErrLocksOut)
	}
}

func TestNISTProfileIsOnePatch(t *testing.T) {
	t.Parallel()
	_, s := newService(t)
	if advice := settings.Advisories(new(domain.DefaultSettings())); len(advice) != 4 {
		t.Errorf("the defaults have %d advisories, want 4", len(advice))
	}
	got, err := s.Patch(t.Context(), domain.Operator(), settings.Patch{
		settings.Profile: settings.ProfileNIST, "two_factor.enabled": true,
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(domain.PasswordPolicy{MinLength: 15, HistoryCount: 5}, got.Password); diff != "" {
		t.Errorf("the policy differs (-want +got):\n%s", diff)
	}
	if advice := settings.Advisories(&got.Settings); len(advice) != 0 {
		t.Errorf("the profile leaves advisories: %v", advice)
	}
}

func TestSettingsRequireSystemConfigure(t *testing.T) {
	t.Parallel()
	k, s := newService(t)
	by := k.As(t, k.User(t, "john", domain.RoleUser))
	if _, err := s.Get(t.Context(), by); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("Get: got error %v, want %v", err, fault.ErrForbidden)
	}
	if _, err := s.Patch(t.Context(), by, settings.Patch{}, 0); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("Patch: got error %v, want %v", err, fault.ErrForbidden)
	}
}
