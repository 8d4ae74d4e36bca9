package transfer

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// catalog copies roles, groups and settings. The target already has the built-in roles and default settings.
func (c *copying) catalog(ctx context.Context) error {
	source, err := c.from.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	for role := range source.Roles.All() {
		role.Permissions = slices.Clone(role.Permissions)
		if err := put(ctx, c.to.Roles, role.ID, role, domain.ErrRoleExists); err != nil {
			return err
		}
	}
	for group := range source.Groups.All() {
		group.Permissions = slices.Clone(group.Permissions)
		if err := put(ctx, c.to.Groups, group.ID, group, domain.ErrGroupExists); err != nil {
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

// put creates the role or group, or replaces the one that the target has.
func put[ID, T any](ctx context.Context, to ports.PermissionSetStore[ID, T], id ID, item T, taken error) error {
	err := to.Create(ctx, item, domain.Outbox{})
	if !errors.Is(err, taken) {
		return err
	}
	_, err = to.Update(ctx, id, func(x *T, _ *domain.Outbox) error {
		*x = item
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
