package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// DecoyStore does the work of a change of a user where there is no user, so that neither the time nor the load of a
// response reveals which addresses and names exist.
type DecoyStore interface {
	// WriteDecoy costs the same writes and round trips as an update of a user with one audit entry and one message. It
	// stores the entry, and records that expire at the given time: one in place of the user and the message, which must
	// be due no earlier than it expires. A nil entry is replaced by another such record. It waits as an update does.
	WriteDecoy(ctx context.Context, entry *domain.AuditEntry, message domain.Message, expires time.Time) error
}
