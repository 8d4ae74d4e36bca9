package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// NewIdentifier returns eight hexadecimal digits for the Users API. They come from an id, spread evenly: among a hundred thousand
// users one or two meet, and the store refuses one that is.
func NewIdentifier(ids ports.IDs) string {
	sum := sha256.Sum256([]byte(ids.NewID("")))
	return hex.EncodeToString(sum[:4])
}

// since is a change from before to after of what still is as it was when the rules were checked: of anything else it is
// fault.ErrConflict, for another administrator was faster. What is as it should be already stays and is not recorded.
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

// leading makes a change of roles or groups that leads to this catalog. Administrators who lose their rights by it leave the
// guard before, which refuses the last one, and join it again where the change fails.
func leading[T any](ctx context.Context, s *Service, changed *domain.Catalog, change func() (T, error)) (T, error) {
	var none T
	left, err := s.letGo(ctx, changed)
	if err != nil {
		return none, err
	}
	result, err := change()
	if err == nil {
		return result, nil
	}
	if len(left) > 0 {
		err = errors.Join(err, s.guard.Join(ctx, left...))
	}
	return none, err
}

// reconcileIf looks for new administrators after permissions were written that could have made some.
func (s *Service) reconcileIf(ctx context.Context, permissions []domain.Permission) error {
	if !mayAdminister(permissions) {
		return nil
	}
	return s.Reconcile(ctx)
}

// difference returns what only one of the two has.
func difference(a, b []domain.Permission) []domain.Permission {
	var only []domain.Permission
	for _, p := range a {
		if !slices.Contains(b, p) {
			only = append(only, p)
		}
	}
	for _, p := range b {
		if !slices.Contains(a, p) {
			only = append(only, p)
		}
	}
	return only
}

func texts(permissions []domain.Permission) []string {
	result := make([]string, len(permissions))
	for i, p := range permissions {
		result[i] = string(p)
	}
	return result
}
