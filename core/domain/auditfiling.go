package domain

import "time"

// AuditFiling is what a store keeps beside an entry so that its filters find it. It must say what the sealed text says, or
// the entry is missing in filtered lists.
type AuditFiling struct {
	Time      time.Time
	UserID    string
	Action    Action
	Success   bool
	RequestID string
	Target    string
	// Precision is the unit in which Time is kept; 0 keeps it whole.
	Precision time.Duration
}

// AuditMisfiling is an entry whose filing is not that of its text.
type AuditMisfiling struct {
	Seq   int64
	ID    LogID
	Field string // the first that differs
}

// Differs returns the name of the first field that is not as the text of the entry has it, empty when all are. A text that is
// none of an entry differs in the entry itself.
func (f *AuditFiling) Differs(public []byte) string {
	p, err := ParseAuditPublic(string(public))
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
