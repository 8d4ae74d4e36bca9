package transfer

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// catalog copies roles, groups and settings. The target already has the built-in roles and default settings.
func (c *copying) catalog(ctx context.Context) error {
	source, err := c.from.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	for _, role := range source.Roles {
		if err := c.role(ctx, role); err != nil {
			return err
		}
	}
	for _, group := range source.Groups {
		if err := c.group(ctx, group); err != nil {
			return err
		}
	}
	_, err = c.to.Settings.UpdateSettings(ctx, func(x *domain.Settings, _ *domain.Outbox) error {
		version := x.Version
		*x = source.Settings
		x.Version = version
		x.TwoFactor.RequiredForRoles = slices.Clone(x.TwoFactor.RequiredForRoles)
		x.TwoFactor.Methods = slices.Clone(x.TwoFactor.Methods)
		return nil
	})
	return err
}

func (c *copying) role(ctx context.Context, role domain.Role) error {
	role.Permissions = slices.Clone(role.Permissions)
	err := c.to.Roles.CreateRole(ctx, role, domain.Outbox{})
	if !errors.Is(err, domain.ErrRoleExists) {
		return err
	}
	_, err = c.to.Roles.UpdateRole(ctx, role.ID, func(x *domain.Role, _ *domain.Outbox) error {
		*x = role
		return nil
	})
	return err
}

func (c *copying) group(ctx context.Context, group domain.Group) error {
	group.Permissions = slices.Clone(group.Permissions)
	err := c.to.Groups.CreateGroup(ctx, group, domain.Outbox{})
	if !errors.Is(err, domain.ErrGroupExists) {
		return err
	}
	_, err = c.to.Groups.UpdateGroup(ctx, group.ID, func(x *domain.Group, _ *domain.Outbox) error {
		*x = group
		return nil
	})
	return err
}

// secrets copies the set of administrators and the signing keys, which remain sealed: the target needs the same
// key-encryption key.
func (c *copying) secrets(ctx context.Context) error {
	members, err := c.from.Guard.Members(ctx)
	if err != nil {
		return err
	}
	if err := c.to.Guard.Join(ctx, members...); err != nil {
		return err
	}
	return c.signingKeys(ctx)
}

// sealKey copies the key of the audit log before anything else. A target with a key and an empty log takes this one.
func (c *copying) sealKey(ctx context.Context) error {
	sealed, err := c.from.Seals.SealKey(ctx)
	if err != nil || sealed == nil {
		return err
	}
	if err := c.to.Seals.PutSealKey(ctx, sealed); !errors.Is(err, fault.ErrConflict) {
		return err
	}
	there, err := c.to.Seals.SealKey(ctx)
	if err != nil || slices.Equal(there, sealed) {
		return err
	}
	entries, err := c.to.Archive.ArchiveCount(ctx, domain.ArchiveRecords)
	if err != nil {
		return err
	}
	segments, err := c.to.Archive.ArchiveCount(ctx, domain.ArchiveSegments)
	if err != nil {
		return err
	}
	if entries+segments > 0 {
		return ErrIncomplete // the target has a log with its own key
	}
	return c.to.Seals.ReplaceSealKey(ctx, there, sealed)
}

func (c *copying) signingKeys(ctx context.Context) error {
	keys, err := c.from.SigningKeys.SigningKeys(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	present, err := c.to.SigningKeys.SigningKeys(ctx)
	if err != nil {
		return err
	}
	var version int64
	for _, key := range present {
		version = key.Version
	}
	return c.to.SigningKeys.PutSigningKeys(ctx, version, keys, domain.Outbox{})
}
