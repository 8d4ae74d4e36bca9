package conformance

import (
	"strings"
	"testing"
	"time"

	stored "github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// WriteEveryKind stores one document of each kind with every field set, and of most kinds one with only the required
// fields. It writes the same data in every run, for tests that compare stored data with golden files. It needs an
// empty store.
func WriteEveryKind(t *testing.T, s Stores) {
	t.Helper()
	writeUsers(t, s)
	writeCatalog(t, s)
	writeQueues(t, s)
	writeAudit(t, s)
}

func writeUsers(t *testing.T, s Stores) {
	t.Helper()
	record, session := Filled[stored.User](), Filled[domain.Session]() // the members of a record keep their order
	user := record.Domain()
	key, token := Filled[domain.APIKey](), Filled[domain.ThirdPartyToken]()
	user.Role = domain.RoleUser
	must(t, s.Users.Create(t.Context(), user, domain.Outbox{}))
	must(t, s.Users.Create(t.Context(), domain.User{ID: "usr_bare", UsernameKey: "bare"}, domain.Outbox{}))
	must(t, s.Sessions.Create(t.Context(), session))
	must(t, s.Sessions.Create(t.Context(), domain.Session{ID: "sess_bare", UserID: "usr_bare"}))
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	must(t, s.Keys.Create(t.Context(), domain.APIKey{ID: "key_bare", UserID: "usr_bare"}, domain.Outbox{}))
	must(t, s.Tokens.Create(t.Context(), token, domain.Outbox{}))
	must(t, s.Tokens.Create(t.Context(), domain.ThirdPartyToken{ID: "tpt_bare"}, domain.Outbox{}))
	must(t, s.Guard.Join(t.Context(), user.ID, "usr_bare"))
}

func writeCatalog(t *testing.T, s Stores) {
	t.Helper()
	must(t, s.Roles.Create(t.Context(), Filled[domain.Role](), domain.Outbox{}))
	must(t, s.Roles.Create(t.Context(), domain.Role{ID: "bare"}, domain.Outbox{}))
	must(t, s.Groups.Create(t.Context(), Filled[domain.Group](), domain.Outbox{}))
	must(t, s.Groups.Create(t.Context(), domain.Group{ID: "grp_bare", Name: "Bare"}, domain.Outbox{}))
	_, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		*x = Filled[domain.Settings]()
		return nil
	})
	must(t, err)
	keys := []domain.SigningKey{Filled[domain.SigningKey](), {ID: "bare"}}
	must(t, s.SigningKeys.PutSigningKeys(t.Context(), 0, keys, domain.Outbox{}))
	must(t, s.SyncPositions.PutSyncPosition(t.Context(), Filled[domain.SyncPosition]()))
	must(t, s.SyncPositions.PutSyncPosition(t.Context(), domain.SyncPosition{Directory: "bare"}))
}

func writeQueues(t *testing.T, s Stores) {
	t.Helper()
	for account, attempts := range map[string]domain.Attempts{"user:full": Filled[domain.Attempts](), "user:bare": {}} {
		must(t, s.Attempts.Update(t.Context(), account, epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
			*a = attempts.Clone()
			return nil
		}))
	}
	message := Filled[domain.Message]()
	restore(t, s, domain.ArchiveMessages, map[string]any{"": message, "-": domain.Message{ID: "msg_bare"}})
	restore(t, s, domain.ArchiveRates, map[string]any{"login:full": domain.StoredRate{
		Window: domain.RateWindow{Taken: []time.Time{epoch, epoch.Add(time.Second)}}, Until: epoch.Add(time.Hour),
	}})
	flow := domain.StoredSingleUse{Value: []byte("flow"), ExpiresAt: epoch.Add(time.Hour)}
	restore(t, s, domain.ArchiveOnce, map[string]any{"state:full": flow})
	answer, bare := Filled[domain.IdempotencyRecord](), domain.IdempotencyRecord{Key: "bare", ExpiresAt: epoch}
	restore(t, s, domain.ArchiveAnswers, map[string]any{answer.Key: answer, bare.Key: bare})
}

func writeAudit(t *testing.T, s Stores) {
	t.Helper()
	segment, err := auditformat.NewSegment(&auditformat.Segment{}, 1, []auditformat.Digest{{1, 2, 3}}, epoch)
	must(t, err)
	segment.KeyID, segment.Signature = "key", []byte("signature")
	restore(t, s, domain.ArchiveSegments, map[string]any{"1": segment})
	restore(t, s, domain.ArchiveRecords, map[string]any{"1": fullRecord(t)})
	must(t, s.Seals.PutSealKey(t.Context(), []byte("sealed")))
}

// fullRecord returns the first record of a log, with every field set.
func fullRecord(t *testing.T) auditformat.Record {
	t.Helper()
	salt := []byte(strings.Repeat("s", auditformat.SaltLength))
	record, err := auditformat.NewRecord(domain.AuditEntry{
		ID: "log_full", Time: epoch, UserID: "usr_1", Action: domain.ActionLogin, Success: true, IPAddress: "192.0.2.1",
		UserAgent: "agent",
		RequestID: "req_1", Target: "usr_2", Details: map[string]any{"a.b": "c"}, Personal: map[string]any{"username": "ada"},
	}, salt, salt)
	must(t, err)
	record.Seq, record.Mark = 1, []byte("mark")
	return record
}

func restore(t *testing.T, s Stores, kind domain.ArchiveKind, values map[string]any) {
	t.Helper()
	for key, value := range values {
		must(t, s.Archive.Restore(t.Context(), kind, []domain.Archived{{Key: key, Value: value}}))
	}
}
