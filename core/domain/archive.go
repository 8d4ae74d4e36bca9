package domain

import "time"

// ArchiveKind is a kind of things as a copy of an installation sees them.
type ArchiveKind string

// The kinds that are walked through, in the order in which they are copied: what is named comes before what names it.
const (
	ArchiveUsers    ArchiveKind = "users"
	ArchiveSessions ArchiveKind = "sessions"
	ArchiveKeys     ArchiveKind = "api keys"
	ArchiveTokens   ArchiveKind = "third-party tokens"
	ArchiveAttempts ArchiveKind = "attempts"
	ArchiveMessages ArchiveKind = "messages"
	ArchiveRates    ArchiveKind = "rate limits"
	ArchiveOnce     ArchiveKind = "single-use things"
	ArchiveAnswers  ArchiveKind = "answers to repeated requests"
	ArchiveSegments ArchiveKind = "audit segments"
	ArchiveRecords  ArchiveKind = "audit entries"
)

// ArchiveKinds lists them in that order.
var ArchiveKinds = []ArchiveKind{
	ArchiveUsers, ArchiveSessions, ArchiveKeys, ArchiveTokens, ArchiveAttempts, ArchiveMessages, ArchiveRates, ArchiveOnce, ArchiveAnswers,
	ArchiveSegments, ArchiveRecords,
}

// Archived is one thing of a walk. Keys of one kind sort as text in the order of the walk.
type Archived struct {
	Key string
	// Value is a User, Session, APIKey, ThirdPartyToken, Attempts (the key is the account), Message, KeptRate, KeptOnce,
	// IdempotencyRecord, AuditSegment or AuditRecord, by the kind. A record that no segment holds yet has the place that it will have.
	Value any
}

// Expires reports whether things of the kind go by themselves when their time has come.
func (k ArchiveKind) Expires() bool {
	switch k {
	case ArchiveAttempts, ArchiveMessages, ArchiveRates, ArchiveOnce, ArchiveAnswers:
		return true
	default:
		return false
	}
}

// KeptRate is what was taken of the limit that the key names.
type KeptRate struct {
	Window RateWindow
	Until  time.Time // when it may be forgotten
}

// KeptOnce is the single-use thing under the key.
type KeptOnce struct {
	Value     []byte
	ExpiresAt time.Time
}
