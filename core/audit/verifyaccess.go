package audit

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// ParseTrust returns the trust of a key, or of none if it is empty, and of checkpoints in the form of a checkpoint
// file's lines. A line that is no checkpoint is fault.ErrInvalid.
func ParseTrust(key string, checkpoints []string) (Trust, error) {
	trust := Trust{Key: key}
	for i, line := range checkpoints {
		checkpoint, err := auditformat.ParseCheckpoint([]byte(line))
		if err != nil {
			reason := fmt.Sprintf("line %d is no checkpoint", i+1)
			return trust, fault.ErrInvalid.About("checkpoints", reason).Because(err)
		}
		trust.Checkpoints = append(trust.Checkpoints, checkpoint)
	}
	return trust, nil
}

// progressEvery is the number of records between two reports of progress.
const progressEvery = 10_000

// VerifyFor is Verify for a principal with audit.read: it says whether the log is whole and shows no entry. It reports
// the number of records read, which is larger than that of the entries, since some checks read an entry again.
func (v *StoreVerifier) VerifyFor(
	ctx context.Context, by domain.Principal, trust Trust, progress func(records int64),
) (Report, error) {
	if err := by.Require(domain.AuditRead); err != nil {
		return Report{}, err
	}
	counting := *v
	counting.proofs = &countedProofs{AuditProofs: v.proofs, progress: progress}
	return counting.Verify(ctx, trust)
}

// countedProofs counts the records that are read.
type countedProofs struct {
	ports.AuditProofs

	read     int64
	progress func(records int64)
}

func (c *countedProofs) Records(
	ctx context.Context, first, last int64, query domain.AuditQuery, yield func(*auditformat.Record) error,
) error {
	return c.AuditProofs.Records(ctx, first, last, query, func(r *auditformat.Record) error {
		if c.read++; c.read%progressEvery == 0 {
			c.progress(c.read)
		}
		return yield(r)
	})
}
