package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

var errKind = errors.New("sqlitestore: unknown kind of archived records")

// archive describes how to read all records of one kind.
type archive struct {
	table   string
	key     string // column that defines the order of the records
	columns string
	numeric bool // the key is an integer position, not a text
	scan    func(*Store, rowScanner) (domain.Archived, error)
}

var archives = map[domain.ArchiveKind]archive{
	domain.ArchiveUsers: {
		table: "users", key: "id", columns: "id, doc, search_text",
		scan: archivedWith(func(_ *Store, doc, text string) (domain.User, error) { return decodeUser(doc, text) }),
	},
	domain.ArchiveSessions: {
		table: "sessions", key: "id", columns: "id, doc, last_activity_ns",
		scan: archivedWith((*Store).toSession),
	},
	domain.ArchiveKeys: {
		table: "api_keys", key: "id", columns: "id, doc, last_used_ns",
		scan: archivedWith((*Store).toKey),
	},
	domain.ArchiveTokens: {
		table: "third_party_tokens", key: "id", columns: "id, doc",
		scan: archivedDoc((*records.ThirdPartyToken).Domain),
	},
	domain.ArchiveAttempts: {
		table: "attempts", key: "account", columns: "account, doc",
		scan: archivedDoc((*records.Attempts).Domain),
	},
	domain.ArchiveMessages: {
		table: "messages", key: "id", columns: "id, doc",
		scan: archivedDoc((*records.Message).Domain),
	},
	domain.ArchiveRates: {table: "rates", key: "key", columns: "key, taken, expires", scan: scanArchivedRate},
	domain.ArchiveOnce:  {table: "once", key: "key", columns: "key, value, expires", scan: scanArchivedOnce},
	domain.ArchiveAnswers: {
		table: "idempotency", key: "key", columns: "key, doc",
		scan: archivedDoc((*records.Idempotency).Domain),
	},
	domain.ArchiveSegments: {
		table: "audit_segments", key: "number", columns: segmentColumns + ", leaves", numeric: true,
		scan: scanArchivedSegment,
	},
	domain.ArchiveRecords: {
		table: "audit_entries", key: "seq", columns: auditColumns, numeric: true,
		scan: scanArchivedRecord,
	},
}

func positionKey(position int64) string { return fmt.Sprintf("%020d", position) }

// archivedDoc reads a key and a document.
func archivedDoc[R records.Kind, T any](entity func(*R) T) func(*Store, rowScanner) (domain.Archived, error) {
	return func(_ *Store, rows rowScanner) (domain.Archived, error) {
		var key, doc string
		if err := rows.Scan(&key, &doc); err != nil {
			return domain.Archived{}, err
		}
		x, err := decodeAs(doc, entity)
		return domain.Archived{Key: key, Value: x}, err
	}
}

// archivedWith reads a key, a document and a value that is stored only in a column.
func archivedWith[V, T any](entity func(s *Store, doc string, value V) (T, error)) func(*Store,
	rowScanner) (domain.Archived, error) {
	return func(s *Store, rows rowScanner) (domain.Archived, error) {
		var key, doc string
		var value V
		if err := rows.Scan(&key, &doc, &value); err != nil {
			return domain.Archived{}, err
		}
		x, err := entity(s, doc, value)
		return domain.Archived{Key: key, Value: x}, err
	}
}

func scanArchivedRate(_ *Store, rows rowScanner) (domain.Archived, error) {
	var key string
	var taken []byte
	var expires int64
	err := rows.Scan(&key, &taken, &expires)
	return domain.Archived{Key: key, Value: domain.StoredRate{
		Window: decodeWindow(taken),
		Until:  time.UnixMicro(expires).UTC(),
	}}, err
}

func scanArchivedOnce(_ *Store, rows rowScanner) (domain.Archived, error) {
	var key string
	var value []byte
	var expires int64
	err := rows.Scan(&key, &value, &expires)
	return domain.Archived{Key: key, Value: domain.StoredSingleUse{
		Value:     orEmpty(value),
		ExpiresAt: time.UnixMicro(expires).UTC(),
	}}, err
}

func scanArchivedSegment(_ *Store, rows rowScanner) (domain.Archived, error) {
	x, err := segmentRow(rows, true)
	return domain.Archived{Key: positionKey(x.Number), Value: x}, err
}

func scanArchivedRecord(_ *Store, rows rowScanner) (domain.Archived, error) {
	_, record, err := scanRecord(rows)
	return domain.Archived{Key: positionKey(record.Seq), Value: record}, err
}

// ArchivePage returns up to limit records of the kind with keys greater than after, in the order of their keys.
func (s *Store) ArchivePage(ctx context.Context, kind domain.ArchiveKind, after string, limit int) ([]domain.Archived,
	error,
) {
	a, ok := archives[kind]
	if !ok {
		return nil, errKind
	}
	var from any = after
	if a.numeric {
		position, err := strconv.ParseInt("0"+after, 10, 64)
		if err != nil {
			return nil, errKind
		}
		from = position
	}
	var page []domain.Archived
	scan := func(rows rowScanner) (domain.Archived, error) { return a.scan(s, rows) }
	err := s.reads.each(ctx, into(&page, scan),
		"SELECT "+a.columns+" FROM "+a.table+" WHERE "+a.key+" > ? ORDER BY "+a.key+" LIMIT 0+?", from, limit)
	return page, err
}

// ArchiveCount returns the number of records of the kind.
func (s *Store) ArchiveCount(ctx context.Context, kind domain.ArchiveKind) (int64, error) {
	a, ok := archives[kind]
	if !ok {
		return 0, errKind
	}
	var n int64
	return n, s.reads.get(ctx, errKind, "SELECT count(*) FROM "+a.table, nil, &n)
}

// ArchiveResume returns the key that exactly back keys follow, or an empty key if there are not enough records.
func (s *Store) ArchiveResume(ctx context.Context, kind domain.ArchiveKind, back int) (string, error) {
	a, ok := archives[kind]
	if !ok {
		return "", errKind
	}
	column := a.key
	if a.numeric {
		column = "printf('%020d', " + a.key + ")" // as positionKey does
	}
	var key string
	query := "SELECT " + column + " FROM " + a.table + " ORDER BY " + a.key + " DESC LIMIT 1 OFFSET ?"
	err := s.reads.get(ctx, nil, query, []any{back}, &key)
	return key, err
}
