// Package faultstore injects failures between the services and a real store: the N-th call of any port fails, before
// it has any effect or after all of its effects. A test that runs a use case for every N covers every point of
// interruption (after "How SQLite Is Tested", which does the same with memory and disk).
//
// It also runs every change twice, the first time on a copy that is discarded: a store may repeat a change after a
// lost race, so a change with side effects would apply them twice.
package faultstore

import (
	"sync"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Mode is how a call fails.
type Mode int

// The modes.
const (
	Before Mode = iota // the call has no effect
	After              // the call has its effect, and its result is lost
)

// String returns the mode in words.
func (m Mode) String() string {
	if m == After {
		return "after"
	}
	return "before"
}

// Faults decides which call fails. It is safe for concurrent use.
type Faults struct {
	mu    sync.Mutex
	at    int // counts down; the call that takes it to zero fails
	mode  Mode
	name  string
	armed bool
}

// Arm makes the n-th call from now on fail, counted from 1.
func (f *Faults) Arm(n int, mode Mode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.mode, f.name, f.armed = n, mode, "", true
}

// Disarm removes the fault and returns the name of the call that has failed; empty if there were fewer calls.
func (f *Faults) Disarm() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	return f.name
}

// fails reports whether this call is the one.
func (f *Faults) fails(name string) (Mode, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed {
		return Before, false
	}
	if f.at--; f.at != 0 {
		return Before, false
	}
	f.name = name
	return f.mode, true
}

// call runs a call, or makes it fail.
func (f *Faults) call(name string, run func() error) error {
	mode, fails := f.fails(name)
	if !fails {
		return run()
	}
	if mode == After {
		if err := run(); err != nil {
			return err
		}
	}
	return fault.ErrStorage
}

// ask is call for one with a result.
func ask[T any](f *Faults, name string, run func() (T, error)) (T, error) {
	var answer T
	err := f.call(name, func() (err error) {
		answer, err = run()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return answer, nil
}

// twice returns the change as a store runs it after a lost race: the first run is discarded.
func twice[T any](change ports.Change[T], clone func(*T) T) ports.Change[T] {
	return func(thing *T, out *domain.Outbox) error {
		copied := clone(thing)
		if err := change(&copied, &domain.Outbox{}); err != nil {
			return err
		}
		return change(thing, out)
	}
}

// Wrap adds the faults to all ports.
func (f *Faults) Wrap(p *ports.Storage) {
	p.Users = users{f, p.Users}
	p.Guard = guard{f, p.Guard}
	p.Sessions = sessions{f, p.Sessions}
	p.View = view{f, p.View}
	p.Logins = logins{f, p.Logins}
	p.Keys = keys{f, p.Keys}
	p.KeyView = keyView{f, p.KeyView}
	p.Roles = permissionSets[domain.RoleID, domain.Role]{f, "RoleStore", p.Roles}
	p.Groups = permissionSets[domain.GroupID, domain.Group]{f, "GroupStore", p.Groups}
	p.Settings = settings{f, p.Settings}
	p.Catalog = catalog{f, p.Catalog}
	p.Attempts = attempts{f, p.Attempts}
	p.Rates = rates{f, p.Rates}
	p.SingleUse = once{f, p.SingleUse}
	p.Decoys = decoys{f, p.Decoys}
	p.Idempotency = idempotency{f, p.Idempotency}
	p.Audit = auditLog{f, p.Audit}
	p.Seals = seals{f, p.Seals}
	p.Proofs = proofs{f, p.Proofs}
	p.Eraser = eraser{f, p.Eraser}
}
