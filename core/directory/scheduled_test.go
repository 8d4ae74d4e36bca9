package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/faultstore"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

func TestScheduledRunStopsAtSafetyLimitAndRecordsIt(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	if err := h.service.RunScheduled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if result := h.service.Status()["corp"].Result; result.Created != 16 {
		t.Fatalf("created %d", result.Created)
	}
	h.remove(t, openldap.PersonDN("dave"))
	h.modify(t, openldap.PersonDN("bob"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"Robert Bright"}) })
	h.remove(t, openldap.PersonDN("soon"))
	for range 3 {
		if err := h.service.RunScheduled(t.Context()); !errors.Is(err, directory.ErrSafetyLimit) {
			t.Fatalf("RunScheduled: got error %v, want ErrSafetyLimit", err)
		}
	}
	if status := h.service.Status()["corp"]; !strings.Contains(status.SafetyLimit, "2 of 16") || status.Failed {
		t.Errorf("status.SafetyLimit is %q", status.SafetyLimit)
	}
	if n := h.service.Numbers()["corp"]; !n.SafetyLimitHit || n.Unavailable {
		t.Errorf("numbers: safety limit hit %v, unavailable %v", n.SafetyLimitHit, n.Unavailable)
	}
	stops := 0
	for _, e := range h.Entries(t) {
		if e.Action == domain.ActionDirectorySync && !e.Success {
			stops++
		}
	}
	if stops != 1 {
		t.Errorf("the audit log has %d failed synchronizations, want 1", stops)
	}
	if u := h.user(t, "bob"); u.FullName != "Robert Bright" {
		t.Errorf("the name of bob is %q: steps that disable nobody were not applied", u.FullName)
	}
	if u := h.user(t, "dave"); u.Status != domain.StatusActive {
		t.Errorf("status of dave: %s", u.Status)
	}
}

// TestFailureAtSafetyLimitIsReported lets each call of the store fail once: the limit must not hide the failure.
func TestFailureAtSafetyLimitIsReported(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	h.sync(t)
	h.remove(t, openldap.PersonDN("dave"))
	h.remove(t, openldap.PersonDN("soon"))
	var faults faultstore.Faults
	service := h.Node(t, func(o *kit.Options) { o.Ports = faults.Wrap }).Directory
	failures := 0
	for n := 1; ; n++ {
		h.modify(t, openldap.PersonDN("bob"),
			func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{fmt.Sprintf("Robert %d", n)}) })
		faults.Arm(n, faultstore.Before)
		err := service.RunScheduled(t.Context())
		name := faults.Disarm()
		if name == "" {
			break
		}
		failures++
		if status := service.Status()["corp"]; err == nil || !status.Failed {
			t.Errorf("the %d. call, %s, failed: the run returns %v, failed %t", n, name, err, status.Failed)
		}
	}
	if failures < 5 {
		t.Errorf("%d calls failed", failures)
	}
}

func TestScheduledRunContinuesFromLastPosition(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 100, nil)
	run := func() directory.Result {
		t.Helper()
		if err := h.service.RunScheduled(t.Context()); err != nil {
			t.Fatal(err)
		}
		return h.service.Status()["corp"].Result
	}
	if first := run(); !first.Complete || first.Created != 116 {
		t.Fatalf("the first run: complete %v, created %d", first.Complete, first.Created)
	}
	h.modify(t, openldap.PersonDN("dave"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"David Dunn"}) })
	if second := run(); second.Complete || second.Updated != 1 {
		t.Errorf("the second run: complete %v, updated %d", second.Complete, second.Updated)
	}
	h.service = h.newService(t, 5) // simulates a restart, or another node
	h.modify(t, openldap.PersonDN("bob"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"Robert Bright"}) })
	if restarted := run(); restarted.Complete || restarted.Updated != 1 {
		t.Errorf("the run after a restart: complete %v, updated %d", restarted.Complete, restarted.Updated)
	}
	h.remove(t, openldap.PersonDN("user000003"))
	if third := run(); !third.Complete || third.Disabled != 1 {
		t.Errorf("the third run: complete %v, disabled %d", third.Complete, third.Disabled)
	}
	h.Clock.Forward(25 * time.Hour)
	if later := run(); !later.Complete || later.Created+later.Updated+later.Disabled != 0 {
		t.Errorf("a day later: complete %v", later.Complete)
	}
}

func TestSynchronizationRequiresDirectoriesManage(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	user := h.Register(t, "mallory", "Str0ng-enough-word!", "user")
	by := h.As(t, user.User)
	_, planned := h.service.Plan(t.Context(), by, "corp", nil)
	_, applied := h.service.Apply(t.Context(), by, "corp", directory.Application{})
	_, checked := h.service.Check(t.Context(), by, "corp", "")
	_, tried := h.service.TryLogin(t.Context(), by, "corp", ports.Login{Name: "alice", Password: "x"})
	for _, err := range []error{planned, applied, checked, tried} {
		if !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("got error %v, want ErrForbidden", err)
		}
	}
	if _, err := h.service.Plan(t.Context(), domain.Operator(), "nowhere", nil); !errors.Is(err,
		directory.ErrNoDirectory) {
		t.Errorf("an unknown directory: %v", err)
	}
	if _, err := h.service.Plan(t.Context(), domain.Operator(), "local", nil); !errors.Is(err, directory.ErrNotAble) {
		t.Errorf("the built-in directory: %v", err)
	}
}

func TestCheckWarnsOfLockoutAfterTheDirectorys(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	steps, err := h.service.Check(t.Context(), domain.Operator(), "corp", "alice")
	if err != nil {
		t.Fatal(err)
	}
	last := steps[len(steps)-1]
	advice, err := h.service.LockoutAdvice(t.Context())
	if err != nil || len(advice) != 1 || !strings.Contains(advice[0], "directory corp: the directory locks after 3") {
		t.Errorf("the advice is %q, %v", advice, err)
	}
	if last.Name != "lockout" || last.OK || !strings.Contains(last.Advice, "below 3") {
		t.Errorf("the last step is %s: %s %s", last.Name, last.Detail, last.Advice)
	}
}

func TestTryLoginReportsOutcome(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	for name, want := range map[string]string{
		"alice": "ok", "expired": "expired: password policy",
		"mustchange": "must_change", "locked": "locked", "nobody": "bad_credentials",
	} {
		step, err := h.service.TryLogin(t.Context(), domain.Operator(), "corp",
			ports.Login{Name: name, Password: openldap.Password})
		if err != nil || !strings.HasPrefix(step.Detail, want) || (step.Advice == "") != step.OK {
			t.Errorf("%s: %s (%s), %v", name, step.Detail, step.Advice, err)
		}
	}
}
