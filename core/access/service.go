package access

import (
	"context"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Service decides on authorization and manages roles and groups.
type Service struct{ deps Deps }

// Deps holds the dependencies of a Service.
type Deps struct {
	Catalog     ports.CatalogView
	Roles       ports.RoleStore
	Groups      ports.GroupStore
	Users       ports.UserStore
	Guard       ports.AdminGuard
	AuditWriter *audit.Writer
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
	// MappedGroups are the group names in the mapping rules of the configured directories.
	MappedGroups []string
}

// New returns a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// Catalog returns the roles, groups and settings in force.
func (s *Service) Catalog(ctx context.Context) (*domain.Catalog, error) {
	return s.deps.Catalog.Catalog(ctx)
}

// visible returns the user if by may read it: the user itself, or a principal with permission. Others get
// domain.ErrUserNotFound, the same as for a user that does not exist, and an API key fault.ErrForbidden for its owner.
func (s *Service) visible(ctx context.Context, by domain.Principal, id domain.UserID,
	permission domain.Permission,
) (domain.User, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.User{}, err
	}
	if !by.IsSelf(id) && !by.Can(permission) {
		if by.BelongsTo(id) {
			return domain.User{}, fault.ErrForbidden
		}
		return domain.User{}, domain.ErrUserNotFound
	}
	return s.deps.Users.Get(ctx, id)
}
