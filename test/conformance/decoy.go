package conformance

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// DecoyStore tests a ports.DecoyStore.
func DecoyStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"stores the entry, and no message that is ever sent": func(t *testing.T, s Stores) {
			entry := newEntry(domain.ActionPasswordResetRequest, "")
			writeDecoy(t, s, &entry)
			writeDecoy(t, s, nil)
			if got := auditIDs(t, s, domain.AuditQuery{}); len(got) != 1 || got[0] != entry.ID {
				t.Errorf("the log has %v, want the entry alone", got)
			}
			for _, at := range []time.Time{epoch, epoch.Add(time.Minute - time.Second), epoch.Add(time.Minute), farFuture} {
				messages, err := s.Messages.ClaimMessages(t.Context(), at, at.Add(time.Minute), 10)
				must(t, err)
				if len(messages) > 0 {
					t.Errorf("%d decoys are claimed at %s", len(messages), at)
				}
			}
			must(t, s.Maintenance.SweepExpired(t.Context(), epoch.Add(time.Hour)))
			// A read of what a majority has may see the records for a moment longer.
			kept := keptDecoys(t, s)
			for deadline := time.Now().Add(time.Minute); kept > 0 && time.Now().Before(deadline); {
				kept = keptDecoys(t, s)
			}
			if kept > 0 {
				t.Errorf("%d records remain after they expired", kept)
			}
		},
	})
}

func keptDecoys(t *testing.T, s Stores) int {
	t.Helper()
	kept := 0
	for _, kind := range []domain.ArchiveKind{domain.ArchiveMessages, domain.ArchiveOnce} {
		page, err := s.Archive.ArchivePage(t.Context(), kind, "", 100)
		must(t, err)
		kept += len(page)
	}
	return kept
}

func writeDecoy(t *testing.T, s Stores, entry *domain.AuditEntry) {
	t.Helper()
	message := newMessage("")
	message.ExpiresAt = epoch.Add(time.Minute)
	message.NextTry = message.ExpiresAt
	must(t, s.Decoys.WriteDecoy(t.Context(), entry, message, message.ExpiresAt))
}
