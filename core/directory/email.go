package directory

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// emailTries is how often a user is written with an email that another user has, before it is done without: concurrent
// logins may give and take the email in between.
const emailTries = 3

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
	if err != nil {
		return err
	}
	if isOf(&holder, identity) {
		return nil // a concurrent login of the same person stored it
	}
	moves := false
	if holder.EmailKey == key && holder.Directory == identity.Directory && holder.Subject != "" {
		if moves, err = p.hasLost(ctx, &holder, key, identity.EmailVerified); err != nil {
			return err
		}
	}
	if !moves {
		identity.Email, identity.EmailVerified = "", false
		return nil
	}
	return p.take(ctx, &holder, key)
}

func isOf(u *domain.User, identity *domain.Identity) bool {
	return u.Directory == identity.Directory && u.Subject == identity.Subject
}

// take removes the email from its holder, unless the account has become another person's or directory's meanwhile.
func (p *Provisioner) take(ctx context.Context, holder *domain.User, key string) error {
	_, err := p.deps.Access.UpdateUser(ctx, holder.ID, func(u *domain.User, out *domain.Outbox) error {
		if u.EmailKey != key || u.Directory != holder.Directory || u.Subject != holder.Subject {
			return domain.ErrUnchanged
		}
		setEmail(u, &domain.Identity{})
		SetKeys(p.deps.CaseFolder, u)
		u.UpdatedAt = p.deps.Clock.Now().UTC()
		out.Record(p.deps.AuditWriter.Entry(domain.System(), domain.ActionUserUpdate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("fields", []string{"email"})))
		return nil
	})
	if errors.Is(err, domain.ErrUserNotFound) {
		return nil // deleted in the meantime
	}
	return err
}

// hasLost reports whether the directory no longer gives the email to its holder. A provider, which has no lookups,
// gives it to the user for whom it has verified it last. Any other directory without lookups cannot tell: its entries
// may share an address, or let their people write it.
func (p *Provisioner) hasLost(ctx context.Context, holder *domain.User, key string, verified bool) (bool, error) {
	d, _ := p.deps.Directories.Get(holder.Directory)
	lookup, ok := d.(ports.Lookup)
	if !ok {
		_, provider := d.(ports.RedirectLogin)
		return provider && verified, nil
	}
	now, err := lookup.Find(ctx, holder.Subject)
	if errors.Is(err, domain.ErrSubjectNotFound) {
		return true, nil
	}
	return err == nil && p.deps.CaseFolder.Fold(cleaned(now).Email) != key, err
}
