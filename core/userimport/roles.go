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

// Roles imports roles. It requires system.import; a row with a level or permissions that the principal may not grant is
// refused. With dryRun it only reports the outcome of each. An existing role remains unchanged, and a row
// with another level is refused: the operator decides which is right.
func (s *Service) Roles(ctx context.Context, by domain.Principal, batch []Role, dryRun bool) ([]Result, error) {
	if err := by.Require(domain.SystemImport); err != nil {
		return nil, err
	}
	results := make([]Result, len(batch))
	foreseen := map[domain.RoleID]domain.Role{} // in a dry run: roles of earlier rows
	for i, in := range batch {
		var err error
		if results[i], err = s.role(ctx, by, in, foreseen, dryRun); err != nil {
			return results, err
		}
	}
	return results, nil
}

func (s *Service) role(ctx context.Context, by domain.Principal, in Role, foreseen map[domain.RoleID]domain.Role,
	dryRun bool,
) (Result, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Result{}, err
	}
	id := domain.RoleID(s.deps.CaseFolder.Fold(in.Name))
	existing, ok := catalog.Roles[id]
	if !ok {
		existing, ok = foreseen[id]
	}
	if ok {
		if existing.Level != in.Level {
			return Result{Outcome: Refused, Reason: fmt.Sprintf("the role exists with level %d", existing.Level)}, nil
		}
		return Result{Outcome: Unchanged}, nil
	}
	if _, err := domain.ParseRoleID("name", string(id)); err != nil {
		return refused(err)
	}
	permissions, err := domain.ParseGrantedPermissions(in.Permissions)
	if err != nil {
		return refused(err)
	}
	if in.Identifier != "" && !identifierForm.MatchString(in.Identifier) {
		return refused(fault.ErrInvalid.About("identifier", "must be eight hexadecimal digits in lower case"))
	}
	if in.Level < 0 {
		return refused(fault.ErrInvalid.About("level", "must be 0 or more"))
	}
	role := domain.Role{
		ID: id, Identifier: in.Identifier, Name: in.Name, Level: in.Level, Permissions: permissions,
		CreatedAt: s.deps.Clock.Now().UTC(),
	}
	if err := access.CheckGrant(by, role); err != nil {
		return refused(fault.ErrForbidden.Saying("you may not grant its level or permissions").Because(err))
	}
	if dryRun {
		foreseen[id] = domain.Role{ID: id, Level: in.Level}
		return Result{Outcome: Created}, nil
	}
	return s.makeRole(ctx, by, role)
}

func (s *Service) makeRole(ctx context.Context, by domain.Principal, role domain.Role) (Result, error) {
	if role.Identifier == "" {
		role.Identifier = access.NewIdentifier(s.deps.IDs)
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionRoleCreate, string(role.ID), audit.Detail("source", "import"),
		audit.Detail("level", role.Level)))
	err := s.deps.Roles.Create(ctx, role, out)
	if errors.Is(err, domain.ErrRoleExists) {
		return Result{Outcome: Refused, Reason: "the identifier belongs to another role"}, nil
	}
	return Result{Outcome: Created}, err
}

// Finish writes the audit entry of a whole import, with the number of rows of each outcome.
func (s *Service) Finish(ctx context.Context, by domain.Principal, source string, created, unchanged,
	refused int,
) error {
	if err := by.Require(domain.SystemImport); err != nil {
		return err
	}
	return s.deps.AuditWriter.Write(ctx, s.deps.AuditWriter.Entry(by, domain.ActionImport, source,
		audit.Detail("created", created),
		audit.Detail("unchanged", unchanged), audit.Detail("refused", refused)))
}
