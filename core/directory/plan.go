package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// StepKind says what a step of a plan does.
type StepKind string

// The kinds of steps. A step that is left out says in its reason why.
const (
	StepCreate  StepKind = "create"
	StepUpdate  StepKind = "update"
	StepDisable StepKind = "disable"
	// StepEnable activates somebody again whom a synchronization had disabled.
	StepEnable StepKind = "enable"
	StepSkip   StepKind = "skip"
)

// Step is one change of one user that a synchronization would make.
type Step struct {
	Kind     StepKind       `json:"kind"`
	Subject  domain.Subject `json:"subject"`
	UserID   domain.UserID  `json:"user_id,omitempty"` // none for a create
	Username string         `json:"username"`
	Fields   []string       `json:"fields,omitempty"` // what an update changes, or an enable besides
	Reason   string         `json:"reason,omitempty"` // of a disable or a skip

	identity domain.Identity
}

// Plan is what a synchronization would change. Its digest names these changes and no others: it is the same as long as
// they are.
type Plan struct {
	Directory domain.DirectoryID `json:"directory"`
	Complete  bool               `json:"complete"` // everybody was looked at, so whoever is missing is gone
	Listed    int                `json:"listed"`   // people of the directory that were looked at
	Known     int                `json:"known"`    // its active users here
	Steps     []Step             `json:"steps"`
	Digest    string             `json:"digest"`
	// Brake says why the plan is not applied without being told to; empty for one that may be.
	Brake string `json:"brake,omitempty"`

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

// seal puts the steps into one order, computes the digest and looks at the brakes.
func (p *Plan) seal(maxDisablePercent int) {
	slices.SortFunc(p.Steps, func(a, b Step) int {
		return strings.Compare(string(a.Kind)+"\x00"+string(a.Subject), string(b.Kind)+"\x00"+string(b.Subject))
	})
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for _, s := range p.Steps {
		id := s.identity
		// Only what is written counts: groups of the directory that no rule names may come and go.
		_ = encoder.Encode([]any{
			s.Kind, s.Subject, s.UserID, s.Username, s.Fields, s.Reason,
			id.FullName, id.Email, id.EmailVerified, id.PhoneNumber, id.Role, id.MappedGroups, id.MapsAdministrators,
		}) // a hash takes all writes, and these values always marshal
	}
	p.Digest = hex.EncodeToString(h.Sum(nil)[:16])
	p.Brake = p.brake(maxDisablePercent)
}

func (p *Plan) brake(maxDisablePercent int) string {
	disabled := p.Count(StepDisable)
	switch {
	case p.Complete && p.Listed == 0 && p.Known > 0:
		return fmt.Sprintf("the directory lists nobody, but has %d active users here", p.Known)
	case disabled*100 > p.Known*maxDisablePercent:
		return fmt.Sprintf("%d of %d active users would be disabled, more than %d %%", disabled, p.Known, maxDisablePercent)
	}
	return ""
}
