// Package builtindir implements the directory type "builtin": users whose passwords are stored with their user records.
// It hashes and verifies passwords and has no lookup: its users already have user records.
package builtindir

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Type is the value in the configuration.
const Type = "builtin"

// Directory implements ports.LocalPasswordStore. It is safe for concurrent use.
type Directory struct {
	id     domain.DirectoryID
	hasher ports.PasswordHasher
}

// New returns the directory with the id of the configuration.
func New(id domain.DirectoryID, hasher ports.PasswordHasher) *Directory {
	return &Directory{id: id, hasher: hasher}
}

// ID returns the id of the configuration.
func (d *Directory) ID() domain.DirectoryID { return d.id }

// Type returns "builtin".
func (d *Directory) Type() string { return Type }

// JustInTime returns false: users of this directory always exist before they sign in.
func (d *Directory) JustInTime() bool { return false }

// Suffixes returns none: the user record names its directory.
func (d *Directory) Suffixes() []string { return nil }

// Close does nothing.
func (d *Directory) Close(context.Context) error { return nil }

// CheckCredential verifies a password. Without a credential, or with one that has no hash, it returns
// OutcomeBadCredentials after the work of a verification. The error is fault.ErrOverloaded.
func (d *Directory) CheckCredential(ctx context.Context, credential *domain.PasswordCredential,
	password string,
) (outcome domain.Outcome, outdated bool, err error) {
	var hash string
	if credential != nil {
		hash = credential.Hash
	}
	ok, outdated, err := d.hasher.Verify(ctx, hash, password)
	switch {
	case err != nil:
		return domain.OutcomeBadCredentials, false, err
	case !ok:
		return domain.OutcomeBadCredentials, false, nil
	case credential.MustChange:
		return domain.OutcomeMustChange, outdated, nil
	}
	return domain.OutcomeOK, outdated, nil
}

// LearnCost measures the cost of the credential's hash if it is a foreign one. The error is fault.ErrOverloaded.
func (d *Directory) LearnCost(ctx context.Context, credential *domain.PasswordCredential) error {
	if credential == nil || credential.Hash == "" {
		return nil
	}
	return d.hasher.Learn(ctx, credential.Hash)
}

// MakeHash returns the hash to store for a new password. The error is fault.ErrOverloaded.
func (d *Directory) MakeHash(ctx context.Context, password string) (string, error) {
	return d.hasher.Hash(ctx, password)
}

// Matches compares a password with one hash, without constant-time padding. The error is fault.ErrOverloaded.
func (d *Directory) Matches(ctx context.Context, hash, password string) (bool, error) {
	return d.hasher.Matches(ctx, hash, password)
}
