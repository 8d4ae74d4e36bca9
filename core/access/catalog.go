package access

import (
	"context"
	"iter"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
)

// catalogIf returns the catalog unless the principal was refused.
func (s *Service) catalogIf(ctx context.Context, refused error) (*domain.Catalog, error) {
	if refused != nil {
		return nil, refused
	}
	return s.deps.Catalog.Catalog(ctx)
}

// sorted returns the roles or groups in the order of compare, which compares an item with the position of another.
func sorted[T any](all iter.Seq[T], position func(T) domain.Cursor, compare func(T, domain.Cursor) int) []T {
	return slices.SortedFunc(all, func(a, b T) int { return compare(a, position(b)) })
}

// edit sets the value if the patch has one.
func edit[T any](value, patched *T) {
	if patched != nil {
		*value = *patched
	}
}

// editPermissions parses the permissions of a patch and sets them.
func editPermissions(permissions *[]domain.Permission, patched *[]string) error {
	if patched == nil {
		return nil
	}
	parsed, err := domain.ParseGrantedPermissions(*patched)
	if err == nil {
		*permissions = parsed
	}
	return err
}
