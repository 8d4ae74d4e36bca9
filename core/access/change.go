package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// NewIdentifier returns eight hexadecimal digits for the Users API. They come from an id, spread evenly: among a hundred thousand
// users one or two meet, and the store refuses one that is.
func NewIdentifier(ids ports.IDs) string {
	sum := sha256.Sum256([]byte(ids.NewID("")))
	return hex.EncodeToString(sum[:4])
}

// rejoin has administrators join the guard again whom a failed change would have cost their rights, and returns why it failed.
func (s *Service) rejoin(ctx context.Context, left []domain.UserID, cause error) error {
	if len(left) == 0 {
		return cause
	}
	return errors.Join(cause, s.guard.Join(ctx, left...))
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
