package faultstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/faultstore"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	password = "Correct-Horse-7-Battery"
	another  = "Staple-9-Wagon-Umbrella"
	// maxCalls is more than any use case makes.
	maxCalls = 80
)

// world is one installation with faults in front of its store.
type world struct {
	*kit.Services
	faults *faultstore.Faults

	admin, user domain.Principal
	provider    *oidc.Hostile
	values      map[string]string // what a case's preparation hands on
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{faults: &faultstore.Faults{}, values: map[string]string{}}
	w.Services = kit.Start(t, kit.Options{Ports: w.faults.Wrap, Directories: []ports.Directory{w.corp(t)}})
	w.Register(t, "root", password, "admin")
	w.Register(t, "john", password, "user")
	_, w.admin = w.SignIn(t, "root", password, "198.51.100.1")
	_, w.user = w.SignIn(t, "john", password, "203.0.113.9")
	return w
}

// useCase is one operation of a user.
type useCase struct {
	prepare func(t *testing.T, w *world)
	run     func(t *testing.T, w *world) error
	// action is the action of its audit entry; empty if it writes none.
	action domain.Action
	// happened returns how often it has happened, according to the store.
	happened func(t *testing.T, w *world) int
	// again reports that a repeated call repeats the effect, so that one more is right.
	again bool
	// wait is the time to wait before a retry.
	wait time.Duration
	// consumes is a call that consumes a single-use record: after a lost result it is consumed, and there is no retry.
	consumes string
}

// TestFailedCallsLeaveNoPartialChange runs every use case with a failure of each of its calls to the store,
// before and after its effect, and checks the result: a success has happened, a change has its audit entry and an
// entry its change, a failure is reported as an outage, and a retry completes the operation.
func TestFailedCallsLeaveNoPartialChange(t *testing.T) {
	t.Parallel()
	for name, uc := range useCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var writes []int
			for n := 1; n <= maxCalls; n++ {
				call := inject(t, uc, faultstore.Before, n)
				if call == "" {
					break
				}
				if !reads[call[strings.LastIndexByte(call, '.')+1:]] {
					writes = append(writes, n)
				}
			}
			if len(writes) == 0 || writes[len(writes)-1] == maxCalls {
				t.Fatalf("no writes, or more than %d calls", maxCalls)
			}
			// A read with a lost result is a failed read, which is covered above.
			for _, n := range writes {
				inject(t, uc, faultstore.After, n)
			}
		})
	}
}

// reads are the methods that change nothing.
var reads = map[string]bool{
	"Get": true, "FindByLogin": true, "FindByEmail": true, "FindBySubject": true, "List": true, "Members": true,
	"ListByUser":         true,
	"ListByProvider":     true,
	"ListProviderGrants": true, "Look": true, "LookupLogin": true, "LookupSessions": true, "LookupKey": true,
	"Catalog": true, "CatalogAt": true, "Scan": true,
	"Unsealed": true, "LastSegment": true, "SealKey": true, "Segments": true, "Records": true, "SegmentBefore": true,
}

// inject runs the use case with the n-th call failing and returns the call's name; empty if there was none.
func inject(t *testing.T, uc useCase, mode faultstore.Mode, n int) string {
	t.Helper()
	w := newWorld(t)
	if uc.prepare != nil {
		uc.prepare(t, w)
	}
	had, entries := uc.happened(t, w), w.count(t, uc.action)
	w.faults.Arm(n, mode)
	err := uc.run(t, w)
	call := w.faults.Disarm()
	where := fmt.Sprintf("call %d, %s, failing %s its work", n, call, mode)
	happened := uc.happened(t, w) - had
	if err == nil && happened < 1 {
		t.Errorf("%s: a success that did not happen", where)
	}
	if err != nil && call == "" {
		t.Fatalf("without a fault: %v", err)
	}
	if err != nil && fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("%s: answered %v, want an outage", where, err)
	}
	w.agree(t, uc, where, happened, entries)
	if mode == faultstore.After && uc.consumes != "" && call == uc.consumes {
		return call
	}
	if err != nil {
		w.Clock.Forward(uc.wait)
		w.retry(t, uc, where, had, entries)
	}
	w.sound(t, where)
	return call
}

// agree compares the number of changes with the number of audit entries.
func (w *world) agree(t *testing.T, uc useCase, where string, happened, entries int) {
	t.Helper()
	if uc.action == "" {
		return
	}
	if got := w.count(t, uc.action) - entries; got != happened {
		t.Errorf("%s: %d changes with %d entries %s", where, happened, got, uc.action)
	}
}

// retry repeats the operation, as a user would after an outage.
func (w *world) retry(t *testing.T, uc useCase, where string, had, entries int) {
	t.Helper()
	err := uc.run(t, w)
	happened := uc.happened(t, w) - had
	if kind := fault.Of(err); err != nil && (kind.Kind == fault.Internal || kind.Kind == fault.Unavailable ||
		kind.Kind == fault.Forbidden) {
		t.Errorf("%s, and again: %v", where, err)
	}
	if happened < 1 || happened > 1 && !uc.again {
		t.Errorf("%s, and again (%v): it has happened %d times, want once", where, err, happened)
	}
	w.agree(t, uc, where+", and again", happened, entries)
}

// sound checks the invariants.
func (w *world) sound(t *testing.T, where string) {
	t.Helper()
	if err := w.Access.Reconcile(t.Context()); err != nil {
		t.Errorf("%s: reconciling the administrators: %v", where, err)
	}
	members, err := w.Ports.Guard.Members(t.Context())
	if err != nil || len(members) == 0 {
		t.Errorf("%s: no user administers the service any more (%v)", where, err)
	}
	w.Clock.Forward(time.Second)
	if _, err := w.Sequencer.Seal(t.Context()); err != nil {
		t.Errorf("%s: sealing: %v", where, err)
	}
	if report, err := w.Verifier.Verify(t.Context(), emptyTrust); err != nil || report.Finding != nil {
		t.Errorf("%s: the log does not verify: %v, %v", where, report.Finding, err)
	}
}

func (w *world) count(t *testing.T, action domain.Action) int {
	t.Helper()
	if action == "" {
		return 0
	}
	n := 0
	for _, e := range w.Entries(t) {
		if e.Action == action {
			n++
		}
	}
	return n
}

// stored returns the stored user, and whether there is one.
func (w *world) stored(t *testing.T, name string) (domain.User, bool) {
	t.Helper()
	user, err := w.Store.Users().FindByLogin(t.Context(), name)
	return user, err == nil
}

func (w *world) catalog(t *testing.T) *domain.Catalog {
	t.Helper()
	c, err := w.Store.CatalogStore().Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
