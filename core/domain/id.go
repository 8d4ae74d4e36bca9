package domain

import (
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// These are the types of IDs. Each ID is a prefix and a lower-case ULID: sortable by creation time, URL-safe, without
// dots. IDs are not secrets.
type (
	// UserID identifies a user permanently.
	UserID string
	// GroupID identifies a group.
	GroupID string
	// SessionID identifies a session.
	SessionID string
	// KeyID identifies an API key.
	KeyID string
	// LogID identifies an audit entry.
	LogID string
	// MessageID identifies an email or SMS.
	MessageID string
)

// The prefixes of the IDs.
const (
	UserPrefix    = "usr_"
	GroupPrefix   = "grp_"
	SessionPrefix = "sess_"
	KeyPrefix     = "key_"
	LogPrefix     = "log_"
	MessagePrefix = "msg_"
)

// idLength is the length of a ULID in text.
const idLength = 26

// ParseUserID parses a user ID. Any other text is fault.ErrNotFound, since no user can have such an ID.
func ParseUserID(text string) (UserID, error) { return parseID[UserID](UserPrefix, text) }

// ParseGroupID parses a group ID. Any other text is fault.ErrNotFound.
func ParseGroupID(text string) (GroupID, error) { return parseID[GroupID](GroupPrefix, text) }

// ParseSessionID parses a session ID. Any other text is fault.ErrNotFound.
func ParseSessionID(text string) (SessionID, error) { return parseID[SessionID](SessionPrefix, text) }

// ParseKeyID parses an API key ID. Any other text is fault.ErrNotFound.
func ParseKeyID(text string) (KeyID, error) { return parseID[KeyID](KeyPrefix, text) }

func parseID[T ~string](prefix, text string) (T, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || !IsULID(rest) {
		return "", fault.ErrNotFound
	}
	return T(text), nil
}

// IsULID reports whether the text is an ID without its prefix.
func IsULID(text string) bool {
	return len(text) == idLength && strings.Trim(text, "0123456789abcdefghjkmnpqrstvwxyz") == ""
}
