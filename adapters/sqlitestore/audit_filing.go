package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// errEnough stops a scan after the first match.
var errEnough = errors.New("enough rows were read")

// Misfiled returns the first record whose index columns differ from its public text, or nil if there is none.
func (a *Audit) Misfiled(ctx context.Context, first, last int64) (*domain.AuditMisfiling, error) {
	const query = `SELECT e.seq, e.public, e.at, e.user_id, k.action, k.success, e.request_id, e.target
		FROM audit_entries e LEFT JOIN audit_kinds k ON k.kind = e.kind WHERE e.seq BETWEEN ? AND ? ORDER BY e.seq LIMIT ?`
	for first <= last {
		var found *domain.AuditMisfiling
		count, next := 0, first
		err := a.s.reads.each(ctx, func(rows rowScanner) error {
			seq, misfiled, err := scanFiling(rows)
			count, next = count+1, seq+1
			if err == nil && misfiled != nil {
				found, err = misfiled, errEnough
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

func scanFiling(rows rowScanner) (int64, *domain.AuditMisfiling, error) {
	var seq, at int64
	var public []byte
	var filed domain.AuditFiling
	var action sql.NullString // null if the kind does not exist
	var success sql.NullBool
	err := rows.Scan(&seq, &public, &at, &filed.UserID, &action, &success, &filed.RequestID, &filed.Target)
	if err != nil {
		return 0, nil, err
	}
	filed.Time, filed.Precision = time.UnixMicro(at), time.Microsecond
	filed.Action, filed.Success = domain.Action(action.String), success.Bool
	if field := filed.Differs(public); field != "" {
		return seq, &domain.AuditMisfiling{Seq: seq, ID: domain.AuditID(public), Field: field}, nil
	}
	return seq, nil, nil
}
