package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// NewIdentifier returns eight hexadecimal digits for the Users API, derived from a new ID and evenly distributed: among
// a hundred thousand users one or two collide, and the store refuses a duplicate.
func NewIdentifier(ids ports.IDs) string {
	sum := sha256.Sum256([]byte(ids.NewID("")))
	return fmt.Sprintf("%x", sum[:4])
}

// since returns a change from before to after. If the stored value is no longer before, because another administrator
// changed it after the rules were checked, it is fault.ErrConflict. A value that already equals after is left unchanged
// and not recorded.
func since[T any](before, after T, same func(a, b T) bool, write ports.Change[T]) ports.Change[T] {
	return func(now *T, out *domain.Outbox) error {
		switch {
		case !same(*now, before):
			return fault.ErrConflict
		case same(*now, after):
			return domain.ErrUnchanged
		}
		return write(now, out)
	}
}

// withGuard makes a change of roles or groups that results in the changed catalog. Administrators who lose their
// permissions leave the guard first, which refuses the last one, and join it again if the change fails.
func withGuard[T any](ctx context.Context, s *Service, changed *domain.Catalog, change func() (T, error)) (T, error) {
	var none T
	left, err := s.leaveGuard(ctx, changed)
	if err != nil {
		return none, err
	}
	result, err := change()
	if err == nil {
		return result, nil
	}
	if len(left) > 0 {
		err = errors.Join(err, s.deps.Guard.Join(ctx, left...))
	}
	return none, err
}

// reconcileIf reconciles the guard after a change of permissions that could have made new administrators.
func (s *Service) reconcileIf(ctx context.Context, permissions []domain.Permission) error {
	if !mayAdminister(permissions) {
		return nil
	}
	return s.Reconcile(ctx)
}

// difference returns the permissions in exactly one of the two.
func difference(a, b []domain.Permission) []domain.Permission {
	both := func(p domain.Permission) bool { return slices.Contains(a, p) && slices.Contains(b, p) }
	return slices.DeleteFunc(slices.Concat(a, b), both)
}
