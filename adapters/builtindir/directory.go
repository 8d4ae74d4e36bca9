// Package builtindir implements the directory type "builtin": people whose passwords are stored with our users.
//
// It creates and verifies credentials and has no lookup: its users already have user records. A new password is
// checked against the policy, common passwords, the person's own words and their previous passwords, and every
// violated rule is reported at once by a code for programs:
//
//	min_length, max_length, require_uppercase, require_lowercase, require_numbers, require_special    the policy
//	common_password    what everybody tries first
//	own_words          it holds the user name, the e-mail's local part, a name, or the product's
//	history            it is one of the last passwords
package builtindir

import (
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Type is the value in the configuration.
const Type = "builtin"

const (
	// minOwnWord is the length from which a person's own word may not be in their password; shorter ones are in many.
	minOwnWord = 4

	// minSpreadWord is the minimum length of a word that is also found with signs between its characters; shorter
	// ones occur by chance where two words meet ("full" in "Wonderful-Lamp").
	minSpreadWord = 6
)

// Config configures the directory.
type Config struct {
	ID domain.DirectoryID
	// Product is the name of the service, which no password may hold; empty for Ostiary.
	Product string
}

// Directory implements ports.LocalPasswordStore. It is safe for concurrent use.
type Directory struct {
	cfg    Config
	hasher ports.PasswordHasher
	known  ports.KnownPasswords
	fold   ports.CaseFolder
}

// New returns the directory.
func New(cfg Config, hasher ports.PasswordHasher, known ports.KnownPasswords, fold ports.CaseFolder) *Directory {
	if cfg.Product == "" {
		cfg.Product = "Ostiary"
	}
	return &Directory{cfg: cfg, hasher: hasher, known: known, fold: fold}
}

// ID returns the id of the configuration.
func (d *Directory) ID() domain.DirectoryID { return d.cfg.ID }

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
func (d *Directory) CheckCredential(ctx context.Context, credential *domain.PasswordCredential, password string) (outcome domain.Outcome, outdated bool, err error) {
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

// CheckNew returns domain.ErrPasswordPolicy with each violated rule. The previous passwords are compared only if no
// other rule is violated, since each costs a hash; the error may then also be fault.ErrOverloaded.
func (d *Directory) CheckNew(ctx context.Context, policy domain.PasswordPolicy, next domain.NewPassword) error {
	refused, broken := domain.ErrPasswordPolicy, false
	refuse := func(reason string) { refused, broken = refused.About(next.Field, reason), true }

	if err := policy.CheckPassword(next.Field, next.Password); err != nil {
		for _, detail := range fault.Of(err).Details() {
			refuse(detail.Reason)
		}
	}
	if len(next.Password) <= domain.Limits.PasswordInput.Max { // what is longer is refused already, and must not cost work
		if d.known.IsKnown(next.Password) {
			refuse("common_password: is among the passwords that everybody tries first")
		}
		if d.holdsOwnWord(next) {
			refuse("own_words: must not hold your user name, e-mail address, name or the name of the service")
		}
	}
	if broken {
		return refused
	}
	used, err := d.isUsed(ctx, policy.HistoryCount, next)
	if err != nil {
		return err
	}
	if used {
		return refused.About(next.Field, "history: must differ from your last "+strconv.Itoa(policy.HistoryCount)+" passwords")
	}
	return nil
}

// isUsed reports whether the password is the current one or a previous one, of the last count together.
func (d *Directory) isUsed(ctx context.Context, count int, next domain.NewPassword) (bool, error) {
	if next.Present == nil || count <= 0 {
		return false, nil
	}
	hashes := append([]string{next.Present.Hash}, next.Present.History...)
	for _, hash := range hashes[:min(count, len(hashes))] {
		if hash == "" {
			continue
		}
		used, err := d.hasher.Matches(ctx, hash, next.Password)
		if used || err != nil {
			return used, err
		}
	}
	return false, nil
}

// holdsOwnWord reports whether the password contains one of the person's words or the product's name, whole or one of
// its parts ("doe" and "john" of john.doe), in any case, and a longer one with any signs between its characters.
func (d *Directory) holdsOwnWord(next domain.NewPassword) bool {
	folded := d.fold.Fold(next.Password)
	bare := strings.Map(letterOrDigit, folded)
	for _, own := range append([]string{d.cfg.Product}, next.OwnWords...) {
		own = d.fold.Fold(own)
		if word := strings.Map(letterOrDigit, own); utf8.RuneCountInString(word) >= minSpreadWord && strings.Contains(bare, word) {
			return true
		}
		for part := range strings.FieldsFuncSeq(own, func(r rune) bool { return letterOrDigit(r) < 0 }) {
			if utf8.RuneCountInString(part) >= minOwnWord && strings.Contains(folded, part) {
				return true
			}
		}
	}
	return false
}

func letterOrDigit(r rune) rune {
	if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
		return r
	}
	return -1
}
