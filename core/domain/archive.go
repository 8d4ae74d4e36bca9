package domain

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
	ArchiveSegments ArchiveKind = "audit segments"
	ArchiveRecords  ArchiveKind = "audit entries"
)

// ArchiveKinds lists them in that order.
var ArchiveKinds = []ArchiveKind{
	ArchiveUsers, ArchiveSessions, ArchiveKeys, ArchiveTokens, ArchiveAttempts, ArchiveMessages, ArchiveSegments, ArchiveRecords,
}

// Archived is one thing of a walk. Keys of one kind sort as text in the order of the walk.
type Archived struct {
	Key string
	// Value is a User, Session, APIKey, ThirdPartyToken, Attempts (the key is the account), Message, AuditSegment or
	// AuditRecord, by the kind. A record that no segment holds yet has the place that it will have.
	Value any
}
