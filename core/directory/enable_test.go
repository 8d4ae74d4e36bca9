package directory_test

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

// setDisabled disables or enables an account in the directory.
func (h *fixture) setDisabled(t *testing.T, name string, disabled bool) {
	t.Helper()
	h.modify(t, openldap.PersonDN(name), func(m *ldap.ModifyRequest) {
		if disabled {
			m.Replace("employeeType", []string{"inactive"})
		} else {
			m.Replace("employeeType", nil)
		}
	})
}

// daveAfter runs a synchronization, manual or scheduled, and returns the status of dave afterwards.
func (h *fixture) daveAfter(t *testing.T, sync func(*testing.T)) domain.UserStatus {
	t.Helper()
	sync(t)
	return h.user(t, "dave").Status
}

func TestSyncReactivatesUserDisabledBySync(t *testing.T) {
	t.Parallel()
	tests := map[string]func(h *fixture) func(*testing.T){
		"manual": func(h *fixture) func(*testing.T) { return h.sync },
		"scheduled": func(h *fixture) func(*testing.T) {
			return func(t *testing.T) {
				t.Helper()
				if err := h.service.RunScheduled(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
	for name, way := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, 0, nil)
			h.service = h.newService(t, 100)
			sync := way(h)
			if got := h.daveAfter(t, sync); got != domain.StatusActive {
				t.Fatalf("initial status of dave: %s", got)
			}
			h.setDisabled(t, "dave", true)
			if got := h.daveAfter(t, sync); got != domain.StatusDeactivated {
				t.Errorf("status of dave after disabling in the directory: %s", got)
			}
			if got := h.daveAfter(t, sync); got != domain.StatusDeactivated {
				t.Errorf("status of dave after another run: %s", got)
			}
			h.setDisabled(t, "dave", false)
			if got := h.daveAfter(t, sync); got != domain.StatusActive {
				t.Errorf("status of dave after enabling in the directory: %s", got)
			}
			logged := h.Logged(t, domain.ActionUserActivate)
			if len(logged) != 1 || logged[0].Details["source"] != "directory:corp" {
				t.Errorf("the audit log has %d activations, want 1 with source directory:corp", len(logged))
			}
		})
	}
}

func TestPlanListsReactivatedUsers(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, func(s *ldapdir.Settings) {
		s.Disabled = ldapdir.Disabled{Attribute: "employeeType", Values: []string{"inactive"}}
	})
	h.service = h.newService(t, 100)
	h.sync(t)
	h.setDisabled(t, "dave", true)
	h.setDisabled(t, "bob", true)
	h.sync(t)
	h.setDisabled(t, "dave", false)
	h.modify(t, openldap.PersonDN("dave"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"David Dunn"}) })
	plan := h.plan(t)
	if diff := cmp.Diff([]string{"dave full_namethere again in the directory"},
		steps(plan, directory.StepEnable)); diff != "" {
		t.Errorf("enable steps (-want +got)\n%s", diff)
	}
	if result := h.apply(t, plan); result.Enabled != 1 || result.Failed != 0 {
		t.Errorf("enabled %d, failed %d, want 1 and 0", result.Enabled, result.Failed)
	}
	if dave := h.user(t, "dave"); dave.Status != domain.StatusActive || dave.FullName != "David Dunn" {
		t.Errorf("status of dave %s, full name %q", dave.Status, dave.FullName)
	}
	if again := h.plan(t); !again.IsEmpty() {
		t.Error("a second plan is not empty")
	}
}

func TestSyncNeverActivatesUserDeactivatedByAdministrator(t *testing.T) {
	t.Parallel()
	deactivated := string(domain.StatusDeactivated)
	patch := func(t *testing.T, h *fixture, id domain.UserID) {
		t.Helper()
		if _, err := h.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Status: &deactivated}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, h *fixture, id domain.UserID) {
		t.Helper()
		if _, err := h.Account.Deactivate(t.Context(), domain.Operator(), id); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		first bool // before the directory disabled the account
		by    func(*testing.T, *fixture, domain.UserID)
	}{
		"deactivated before":              {true, remove},
		"deactivated after the sync too":  {false, remove},
		"patched before":                  {true, patch},
		"patched after the sync had done": {false, patch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, 0, nil)
			h.service = h.newService(t, 100)
			h.sync(t)
			id := h.user(t, "dave").ID
			if tt.first {
				tt.by(t, h, id)
			}
			h.setDisabled(t, "dave", true)
			h.sync(t)
			if !tt.first {
				tt.by(t, h, id)
			}
			h.setDisabled(t, "dave", false)
			if plan := h.plan(t); plan.Count(directory.StepEnable) != 0 {
				t.Error("the plan enables the user")
			}
			if got := h.daveAfter(t, h.sync); got != domain.StatusDeactivated {
				t.Errorf("status of dave: %s", got)
			}
			if n := len(h.Logged(t, domain.ActionUserDeactivate)); n != map[bool]int{true: 1, false: 2}[tt.first] {
				t.Errorf("the audit log has %d deactivations", n)
			}
		})
	}
}
