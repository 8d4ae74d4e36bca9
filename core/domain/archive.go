package domain

import "time"

// ArchiveKind is a kind of record in a copy of an installation.
type ArchiveKind string

// The kinds that are copied, in the order of copying: a referenced kind comes before the kinds that reference it.
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

// ArchiveKinds lists the kinds in the order of copying.
var ArchiveKinds = []ArchiveKind{
	ArchiveUsers, ArchiveSessions, ArchiveKeys, ArchiveTokens, ArchiveAttempts, ArchiveMessages, ArchiveRates, ArchiveOnce,
	ArchiveAnswers,
	ArchiveSegments, ArchiveRecords,
}

// Archived is one record of an archive. Within a kind, records are ordered by Key as text.
type Archived struct {
	Key string
	// Value is a User, Session, APIKey, ThirdPartyToken, Attempts (the key is the account), Message, StoredRate,
	// StoredSingleUse, IdempotencyRecord, AuditSegment or AuditRecord, depending on the kind. A record that is not in a
	// segment yet has the sequence number that it will get.
	Value any
}

// Expires reports whether records of the kind are removed automatically after they expire.
func (k ArchiveKind) Expires() bool {
	switch k {
	case ArchiveAttempts, ArchiveMessages, ArchiveRates, ArchiveOnce, ArchiveAnswers:
		return true
	default:
		return false
	}
}

// StoredRate is the stored state of the rate limit with the key.
type StoredRate struct {
	Window RateWindow
	Until  time.Time // when it may be removed
}

// StoredSingleUse is the stored single-use value with the key.
type StoredSingleUse struct {
	Value     []byte
	ExpiresAt time.Time
}
