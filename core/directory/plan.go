package directory

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// StepKind is the kind of a step of a plan.
type StepKind string

// The kinds of steps. A skipped step has the cause in its Reason.
const (
	StepCreate  StepKind = "create"
	StepUpdate  StepKind = "update"
	StepDisable StepKind = "disable"
	// StepEnable activates a user that a synchronization had disabled.
	StepEnable StepKind = "enable"
	StepSkip   StepKind = "skip"
)

// Step is one change of one user that a synchronization would make.
type Step struct {
	Kind     StepKind
	Subject  domain.Subject
	UserID   domain.UserID // none for a create
	Username string
	Fields   []string // fields that an update or enable changes
	Reason   string   // set for disable, enable and skip

	identity domain.Identity
}

// Plan is the set of changes that a synchronization would make. Its digest identifies exactly these changes: equal
// changes have an equal digest.
type Plan struct {
	Directory domain.DirectoryID
	Complete  bool // the listing was complete, so a missing user has been removed
	Listed    int  // accounts that the directory listed
	Known     int  // active users of the directory in the store
	Steps     []Step
	Digest    string
	// SafetyLimit is the reason why the plan is applied only by force. It is empty if the plan is within the safety
	// limits.
	SafetyLimit string

	next string
}

// Count returns how many steps of a kind there are.
func (p *Plan) Count(kind StepKind) int {
	n := 0
	for _, s := range p.Steps {
		if s.Kind == kind {
			n++
		}
	}
	return n
}

// IsEmpty reports whether the plan changes nothing.
func (p *Plan) IsEmpty() bool { return p.Count(StepSkip) == len(p.Steps) }

// seal sorts the steps, computes the digest and checks the safety limits.
func (p *Plan) seal(limit disableLimit) {
	slices.SortFunc(p.Steps, func(a, b Step) int {
		return strings.Compare(string(a.Kind)+"\x00"+string(a.Subject), string(b.Kind)+"\x00"+string(b.Subject))
	})
	h := sha256.New()
	for _, s := range p.Steps {
		id := s.identity
		// The digest covers what is written only: directory groups that no rule names do not change it.
		_, _ = fmt.Fprintf(h, "%q %q %q %q %q %q %q %q %t %q %q %t\n", // a hash takes all writes
			s.Kind, s.Subject, s.UserID, s.Username, s.Fields, s.Reason,
			id.Person, id.Email, id.EmailVerified, id.Role, id.MappedGroups, id.MapsAdministrators)
	}
	p.Digest = fmt.Sprintf("%x", h.Sum(nil)[:16])
	p.SafetyLimit = p.exceededLimit(limit)
}

// disableLimit is how many of a directory's active users a plan may disable: a percentage of them, or a number if that
// is more.
type disableLimit struct{ percent, users int }

func (l disableLimit) allows(disabled, known int) bool {
	return disabled*100 <= known*l.percent || disabled <= min(l.users, (known+1)/2)
}

func (l disableLimit) String() string {
	if l.users == 0 {
		return fmt.Sprintf("%d %%", l.percent)
	}
	return fmt.Sprintf("%d %% and more than %d users or half of them", l.percent, l.users)
}

// harmless returns the plan without the steps that disable a user.
func (p *Plan) harmless() *Plan {
	rest := *p
	rest.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return s.Kind == StepDisable })
	return &rest
}

func (p *Plan) exceededLimit(limit disableLimit) string {
	disabled := p.Count(StepDisable)
	switch {
	case p.Complete && p.Listed == 0 && p.Known > 0:
		return fmt.Sprintf("the directory lists no users, but has %d active users here", p.Known)
	case !limit.allows(disabled, p.Known):
		return fmt.Sprintf("%d of %d active users would be disabled, more than %s", disabled, p.Known, limit)
	}
	return ""
}
