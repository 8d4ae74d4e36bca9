package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// PermissionSetStore stores named sets of permissions: roles or groups. Every change creates a new version of the
// catalog before it is acknowledged.
type PermissionSetStore[ID, T any] interface {
	Create(ctx context.Context, set T, out domain.Outbox) error
	Update(ctx context.Context, id ID, change Change[T]) (T, error)
	Delete(ctx context.Context, id ID, out domain.Outbox) error
}

// RoleStore stores roles. An absent role is domain.ErrRoleNotFound, a taken id or identifier domain.ErrRoleExists. A
// role that a user has, also through a racing assignment, cannot be deleted: domain.ErrRoleInUse.
type RoleStore = PermissionSetStore[domain.RoleID, domain.Role]

// GroupStore stores groups. An absent group is domain.ErrGroupNotFound, a taken name or name key
// domain.ErrGroupExists. Membership is stored in the users. A deleted group may still be listed there and grants
// nothing.
type GroupStore = PermissionSetStore[domain.GroupID, domain.Group]

// SettingsStore stores the security settings. Each change increments their version.
type SettingsStore interface {
	UpdateSettings(ctx context.Context, change Change[domain.Settings]) (domain.Settings, error)
}

// CatalogView returns roles, groups and settings together.
type CatalogView interface {
	// Catalog returns the current catalog: it includes every change that was acknowledged before the call. The value
	// is shared and must not be changed.
	Catalog(ctx context.Context) (*domain.Catalog, error)
	// CatalogAt returns a catalog of this version or a later one, from memory if possible. The version comes from a
	// Look.
	CatalogAt(ctx context.Context, version int64) (*domain.Catalog, error)
}
