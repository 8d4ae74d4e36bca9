package access

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Members returns one page of the group's users. It requires users.read.
func (s *Service) Members(ctx context.Context, by domain.Principal, idOrName string, page domain.Page) (domain.UserPage,
	error,
) {
	group, err := s.Group(ctx, by, idOrName)
	if err != nil {
		return domain.UserPage{}, err
	}
	return s.deps.Users.List(ctx, domain.UserQuery{Group: group.ID, Sort: domain.SortCreatedDesc, Page: page})
}

// AddMember adds the user to the group; adding a member again changes nothing. The principal must hold the
// administrative permissions of the group, and no principal adds itself to a group that grants what it lacks.
func (s *Service) AddMember(ctx context.Context, by domain.Principal, idOrName, user string) (domain.Group, error) {
	return s.changeMember(ctx, by, idOrName, user, func(catalog *domain.Catalog, group domain.Group,
		u *domain.User,
	) error {
		if slices.Contains(u.Groups, group.ID) {
			return domain.ErrUnchanged
		}
		groups := append(slices.Clone(u.Groups), group.ID)
		if !domain.Limits.Groups.Allows(len(groups)) {
			return fault.ErrConflict
		}
		if err := s.MayAssign(catalog, by, u, u.Role, groups); err != nil {
			return err
		}
		u.Groups = groups
		return nil
	}, "added")
}

// RemoveMember removes the user from the group; removing a user who is not a member changes nothing.
func (s *Service) RemoveMember(ctx context.Context, by domain.Principal, idOrName, user string) (domain.Group, error) {
	return s.changeMember(ctx, by, idOrName, user, func(_ *domain.Catalog, group domain.Group, u *domain.User) error {
		if !slices.Contains(u.Groups, group.ID) {
			return domain.ErrUnchanged
		}
		u.Groups = slices.DeleteFunc(u.Groups, func(id domain.GroupID) bool { return id == group.ID })
		return nil
	}, "removed")
}

type memberChange func(catalog *domain.Catalog, group domain.Group, u *domain.User) error

func (s *Service) changeMember(ctx context.Context, by domain.Principal, idOrName, user string, change memberChange,
	membership string,
) (domain.Group, error) {
	catalog, group, err := s.managedGroup(ctx, by, idOrName)
	if err != nil {
		return domain.Group{}, err
	}
	id, err := domain.ParseUserID(user)
	if err != nil {
		return domain.Group{}, domain.ErrUserNotFound
	}
	_, err = s.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if err := CheckActOn(catalog, by, u); err != nil {
			return err
		}
		if err := change(catalog, group, u); err != nil {
			return err
		}
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionPermissionChange, string(u.ID),
			audit.Detail("group", group.Name), audit.Detail("membership", membership)))
		return nil
	})
	return group, err
}
