package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// RoleStore stores roles. Every change creates a new version of the catalog before it is acknowledged. An absent role
// is domain.ErrRoleNotFound, a taken id or identifier domain.ErrRoleExists.
type RoleStore interface {
	CreateRole(ctx context.Context, role domain.Role, out domain.Outbox) error
	UpdateRole(ctx context.Context, id domain.RoleID, change Change[domain.Role]) (domain.Role, error)
	// DeleteRole removes the role. If a user has it, also through a racing assignment, it returns
	// domain.ErrRoleInUse.
	DeleteRole(ctx context.Context, id domain.RoleID, out domain.Outbox) error
}

// GroupStore stores groups. Every change creates a new version of the catalog before it is acknowledged. An absent
// group is domain.ErrGroupNotFound, a taken name or name key domain.ErrGroupExists. Membership is stored in the
// users. A deleted group may still be listed there and grants nothing.
type GroupStore interface {
	CreateGroup(ctx context.Context, group domain.Group, out domain.Outbox) error
	UpdateGroup(ctx context.Context, id domain.GroupID, change Change[domain.Group]) (domain.Group, error)
	DeleteGroup(ctx context.Context, id domain.GroupID, out domain.Outbox) error
}

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
