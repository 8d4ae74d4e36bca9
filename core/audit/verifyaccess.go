package audit

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
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
	return v.verify(ctx, trust, progress)
}
