package domain

import (
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// These are the types of ids. Each is a prefix and a ULID in lower case: sortable by the time of making, URL-safe, without
// dots. Ids are not secrets.
type (
	// UserID names a user for life.
	UserID string
	// GroupID names a group.
	GroupID string
	// SessionID names a session.
	SessionID string
	// KeyID names an API key.
	KeyID string
	// LogID names an audit entry.
	LogID string
	// MessageID names a mail or SMS.
	MessageID string
)

// The prefixes of the ids.
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

// ParseUserID returns the id in text, or fault.ErrNotFound: no user can have an id of another form.
func ParseUserID(text string) (UserID, error) { return parseID[UserID](UserPrefix, text) }

// ParseGroupID returns the id in text, or fault.ErrNotFound.
func ParseGroupID(text string) (GroupID, error) { return parseID[GroupID](GroupPrefix, text) }

// ParseSessionID returns the id in text, or fault.ErrNotFound.
func ParseSessionID(text string) (SessionID, error) { return parseID[SessionID](SessionPrefix, text) }

// ParseKeyID returns the id in text, or fault.ErrNotFound.
func ParseKeyID(text string) (KeyID, error) { return parseID[KeyID](KeyPrefix, text) }

func parseID[T ~string](prefix, text string) (T, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != idLength || strings.Trim(rest, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
		return "", fault.ErrNotFound
	}
	return T(text), nil
}
