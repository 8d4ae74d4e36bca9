package userimport

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// role imports a role. A row with a level or permissions that the principal may not grant is refused. An existing role
// remains unchanged, and a row with another level is refused: the operator decides which is right.
func (i *Import) role(ctx context.Context, in Role) (Result, error) {
	catalog, err := i.service.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Result{}, err
	}
	id := domain.RoleID(i.service.deps.CaseFolder.Fold(in.Name))
	existing, ok := catalog.Roles.Get(id)
	if !ok {
		existing, ok = i.roles[id]
	}
	if ok {
		if existing.Level != in.Level {
			return Result{Outcome: Refused, Reason: fmt.Sprintf("the role exists with level %d", existing.Level)}, nil
		}
		return Result{Outcome: Unchanged}, nil
	}
	role, err := i.draftRole(catalog, id, &in)
	if err != nil {
		return refused(err)
	}
	if i.options.DryRun {
		i.roles[id] = domain.Role{ID: id, Level: in.Level}
		return Result{Outcome: Created}, nil
	}
	return i.makeRole(ctx, role)
}

// draftRole returns the role of a row, if the row is valid and the principal may create it.
func (i *Import) draftRole(catalog *domain.Catalog, id domain.RoleID, in *Role) (role domain.Role, err error) {
	if _, err := domain.ParseRoleID("name", string(id)); err != nil {
		return role, err
	}
	permissions, err := domain.ParseGrantedPermissions(in.Permissions)
	if err != nil {
		return role, err
	}
	if in.Identifier != "" && !identifierForm.MatchString(in.Identifier) {
		return role, fault.ErrInvalid.About("identifier", "must be eight hexadecimal digits in lower case")
	}
	if level := domain.Limits.RoleLevel; !level.Allows(in.Level) {
		return role, fault.ErrInvalid.About("level", fmt.Sprintf("must be %d to %d", level.Min, level.Max))
	}
	role = domain.Role{
		ID: id, Identifier: in.Identifier, Name: in.Name, Level: in.Level, Permissions: permissions,
		CreatedAt: i.service.deps.Clock.Now().UTC(),
	}
	if err := access.CheckGrant(i.by, role); err != nil {
		return role, fault.ErrForbidden.Saying("you may not grant its level or permissions").Because(err)
	}
	return role, i.service.deps.Access.CheckNewRole(catalog, i.by, role)
}

func (i *Import) makeRole(ctx context.Context, role domain.Role) (Result, error) {
	if role.Identifier == "" {
		role.Identifier = access.NewIdentifier(i.service.deps.IDs)
	}
	var out domain.Outbox
	out.Record(i.service.deps.AuditWriter.Entry(i.by, domain.ActionRoleCreate, string(role.ID),
		audit.Detail("source", "import"), audit.Detail("level", role.Level)))
	err := i.service.deps.Roles.Create(ctx, role, out)
	if errors.Is(err, domain.ErrRoleExists) {
		return Result{Outcome: Refused, Reason: "the identifier belongs to another role"}, nil
	}
	return Result{Outcome: Created}, err
}
