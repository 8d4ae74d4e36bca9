package auditformat

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// IndexTerms holds the index fields that a store keeps for an entry. They must agree with the sealed text; otherwise
// the entry is missing in filtered lists.
type IndexTerms struct {
	Time      time.Time
	UserID    string
	Action    domain.Action
	Success   bool
	RequestID string
	Target    string
	// Precision is the unit to which Time is truncated; 0 means full precision.
	Precision time.Duration
}

// IndexMismatch is an entry whose index fields differ from its text.
type IndexMismatch struct {
	Seq   int64
	ID    domain.LogID
	Field string // the first field that differs
}

// Differs returns the name of the first field that differs from the text of the entry, or "" if all agree. A text that
// is not an entry's differs in log_id.
func (f *IndexTerms) Differs(public []byte) string {
	p, err := ParsePublic(string(public))
	if err != nil {
		return "log_id"
	}
	at, err := time.Parse(time.RFC3339Nano, p.Time)
	switch {
	case err != nil || !at.Truncate(f.Precision).Equal(f.Time):
		return "timestamp"
	case p.UserID != f.UserID:
		return "user_id"
	case p.Action != f.Action:
		return "action"
	case p.Success != f.Success:
		return "success"
	case p.RequestID != f.RequestID:
		return "request_id"
	case p.Target != f.Target:
		return "target_id"
	}
	return ""
}
