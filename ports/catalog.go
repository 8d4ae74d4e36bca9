package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// RoleStore keeps roles. Every change makes a new version of the catalog before it is acknowledged. An absent role is
// domain.ErrRoleNotFound, a taken id or identifier domain.ErrRoleExists.
type RoleStore interface {
	CreateRole(ctx context.Context, role domain.Role, out domain.Outbox) error
	UpdateRole(ctx context.Context, id domain.RoleID, change Change[domain.Role]) (domain.Role, error)
	// DeleteRole removes the role unless a user has it: then it is domain.ErrRoleInUse, also against a racing assignment.
	DeleteRole(ctx context.Context, id domain.RoleID, out domain.Outbox) error
}

// GroupStore keeps groups. Every change makes a new version of the catalog before it is acknowledged. An absent group is
// domain.ErrGroupNotFound, a taken name or name key domain.ErrGroupExists. Membership is written in the users; a group that is gone
// may still be named there and gives nothing.
type GroupStore interface {
	CreateGroup(ctx context.Context, group domain.Group, out domain.Outbox) error
	UpdateGroup(ctx context.Context, id domain.GroupID, change Change[domain.Group]) (domain.Group, error)
	DeleteGroup(ctx context.Context, id domain.GroupID, out domain.Outbox) error
}

// SettingsStore keeps the security settings. Each change raises their version by one.
type SettingsStore interface {
	UpdateSettings(ctx context.Context, change Change[domain.Settings]) (domain.Settings, error)
}

// CatalogView gives roles, groups and settings together.
type CatalogView interface {
	// Catalog returns the present catalog: one that holds every change acknowledged before the call. It is shared; nobody
	// changes it.
	Catalog(ctx context.Context) (*domain.Catalog, error)
	// CatalogAt returns a catalog of this version or a later one, from memory where it can: for a version that came with
	// a Look.
	CatalogAt(ctx context.Context, version int64) (*domain.Catalog, error)
}
