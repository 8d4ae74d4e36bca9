package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// errEnough stops a scan after the first match.
var errEnough = errors.New("enough rows were read")

// IndexMismatch returns the first record whose index columns differ from its public text, or nil if there is none.
func (a *Audit) IndexMismatch(ctx context.Context, first, last int64) (*auditformat.IndexMismatch, error) {
	const query = `SELECT e.seq, e.public, e.at, e.user_id, k.action, k.success, e.request_id, e.target
		FROM audit_entries e LEFT JOIN audit_kinds k ON k.kind = e.kind WHERE e.seq BETWEEN ? AND ? ORDER BY e.seq LIMIT 0+?`
	for first <= last {
		var found *auditformat.IndexMismatch
		count, next := 0, first
		err := a.s.reads.each(ctx, func(rows rowScanner) error {
			seq, mismatch, err := scanIndexTerms(rows)
			count, next = count+1, seq+1
			if err == nil && mismatch != nil {
				found, err = mismatch, errEnough
			}
			return err
		}, query, first, last, scanChunk)
		if found != nil {
			return found, nil
		}
		if err != nil || count < scanChunk {
			return nil, err
		}
		first = next
	}
	return nil, nil //nolint:nilnil // no record differs
}

func scanIndexTerms(rows rowScanner) (int64, *auditformat.IndexMismatch, error) {
	var seq, at int64
	var public []byte
	var terms auditformat.IndexTerms
	var action sql.NullString // null if the kind does not exist
	var success sql.NullBool
	err := rows.Scan(&seq, &public, &at, &terms.UserID, &action, &success, &terms.RequestID, &terms.Target)
	if err != nil {
		return 0, nil, err
	}
	terms.Time, terms.Precision = time.UnixMicro(at), time.Microsecond
	terms.Action, terms.Success = domain.Action(action.String), success.Bool
	if field := terms.Differs(public); field != "" {
		return seq, &auditformat.IndexMismatch{Seq: seq, ID: auditformat.IDOf(public), Field: field}, nil
	}
	return seq, nil, nil
}
