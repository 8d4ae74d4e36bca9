package settings

import (
	"context"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// EnableVerifyCache lets the nodes of an upgraded database answer verifications from memory. It requires
// system.configure. The last node of an earlier version must have stopped, since it would not wait for the others after
// a revocation. changed is false if it was enabled before, or if the store belongs to one process, which needs no
// switch.
func (s *Service) EnableVerifyCache(ctx context.Context, by domain.Principal) (changed bool, err error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return false, err
	}
	if s.deps.VerifyCache == nil {
		return false, nil
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionSettingsChange, "verify_cache",
		audit.Detail("verify_cache", true)))
	return s.deps.VerifyCache.EnableCache(ctx, out)
}
