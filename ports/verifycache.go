package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// VerifyCache is the switch of a store whose nodes may answer verifications from memory. Nodes of earlier versions do
// not take part, so an upgraded database has it off until the operator has stopped the last of them.
type VerifyCache interface {
	// EnableCache lets the nodes cache, for good. Earlier versions refuse the database from then on. changed is false
	// if it was enabled before; out is then not recorded.
	EnableCache(ctx context.Context, out domain.Outbox) (changed bool, err error)
}
