package directory

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// setEmail sets the email that the directory gives, or removes one that it no longer gives, and returns the names of
// the changed fields. Links that were sent to another address become invalid.
func setEmail(u *domain.User, identity *domain.Identity) []string {
	if !identity.Provides("email") {
		return nil
	}
	switch {
	case u.Email != identity.Email:
		u.Email, u.EmailVerified = identity.Email, identity.EmailVerified
		u.DropTokens(domain.TokenReset, domain.TokenEmail)
		return []string{"email"}
	case u.EmailVerified != identity.EmailVerified:
		u.EmailVerified = identity.EmailVerified
		return []string{"email_verified"}
	default:
		return nil
	}
}

// release takes the identity's email from the user who has it, if both are of the same directory and it no longer gives
// the email to that user. Otherwise the user keeps it, and release removes it from the identity.
func (p *Provisioner) release(ctx context.Context, identity *domain.Identity) error {
	key := p.deps.CaseFolder.Fold(identity.Email)
	holder, err := p.deps.Users.FindByLogin(ctx, key)
	if errors.Is(err, domain.ErrUserNotFound) {
		return nil // released in the meantime, such as by another step of the same synchronization
	}
	moves := false
	if err == nil && holder.EmailKey == key && holder.Directory == identity.Directory && holder.Subject != "" {
		moves, err = p.hasLost(ctx, &holder, key, identity.EmailVerified)
	}
	if err != nil {
		return err
	}
	if !moves {
		identity.Email, identity.EmailVerified = "", false
		return nil
	}
	_, err = p.deps.Access.UpdateUser(ctx, holder.ID, func(u *domain.User, out *domain.Outbox) error {
		if u.EmailKey != key {
			return domain.ErrUnchanged
		}
		setEmail(u, &domain.Identity{})
		SetKeys(p.deps.CaseFolder, u)
		u.UpdatedAt = p.deps.Clock.Now().UTC()
		out.Record(p.deps.AuditWriter.Entry(domain.System(), domain.ActionUserUpdate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("fields", []string{"email"})))
		return nil
	})
	return err
}

// hasLost reports whether the directory no longer gives the email to its holder. A directory without lookups gives it
// to the user for whom it has verified it last.
func (p *Provisioner) hasLost(ctx context.Context, holder *domain.User, key string, verified bool) (bool, error) {
	d, _ := p.deps.Directories.Get(holder.Directory)
	lookup, ok := d.(ports.Lookup)
	if !ok {
		return verified, nil
	}
	now, err := lookup.Find(ctx, holder.Subject)
	if errors.Is(err, domain.ErrSubjectNotFound) {
		return true, nil
	}
	return err == nil && p.deps.CaseFolder.Fold(cleaned(now).Email) != key, err
}
