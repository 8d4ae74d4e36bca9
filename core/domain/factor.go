package domain

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// Method is a method of the second factor.
type Method string

// The methods of the second factor.
const (
	MethodTOTP       Method = "totp"
	MethodSMS        Method = "sms"
	MethodBackupCode Method = "backup_code"
)

// Factor is a user's second factor. The zero value means none.
type Factor struct {
	Method    Method // totp or sms while active, empty otherwise
	EnabledAt time.Time
	// Secret is the TOTP secret, sealed and bound to the user.
	Secret []byte
	// LastStep is the last accepted TOTP time step; only later ones are accepted (RFC 6238 section 5.2).
	LastStep int64
	// PhoneNumber receives the codes of the sms method, in E.164 form.
	PhoneNumber string
	Backup      BackupCodes
	// Challenge is the last SMS code that was sent and has not been used.
	Challenge *CodeChallenge
	// Pending is an enrollment without a verified code; it never replaces an active factor.
	Pending *Enrollment
}

// BackupCodes are the unused backup codes, hashed with one salt for the set.
type BackupCodes struct {
	Salt   []byte
	Hashes [][]byte
}

// CodeChallenge is a code that was sent to a phone, stored as a digest.
type CodeChallenge struct {
	Digest    []byte
	ExpiresAt time.Time
	Tries     int
}

// Enrollment is a second factor that has not been activated by its first correct code.
type Enrollment struct {
	Method      Method
	Secret      []byte // sealed
	PhoneNumber string
	Backup      BackupCodes
	Challenge   *CodeChallenge
	ExpiresAt   time.Time
	Tries       int
}

// FactorSetup is a new TOTP secret in the forms that authenticator apps accept.
type FactorSetup struct {
	Secret string // base32 without padding
	URI    string // otpauth://totp/…
	QRCode string // the URI as a PNG picture, in a data URL
}

// IsOn reports whether the second factor is active.
func (f *Factor) IsOn() bool { return f.Method != "" }

// Clone returns a deep copy.
func (f *Factor) Clone() Factor {
	c := *f
	c.Secret = slices.Clone(f.Secret)
	c.Backup = f.Backup.clone()
	c.Challenge = f.Challenge.clone()
	if f.Pending != nil {
		p := *f.Pending
		p.Secret = slices.Clone(p.Secret)
		p.Backup = p.Backup.clone()
		p.Challenge = p.Challenge.clone()
		c.Pending = &p
	}
	return c
}

func (b BackupCodes) clone() BackupCodes {
	c := BackupCodes{Salt: slices.Clone(b.Salt), Hashes: slices.Clone(b.Hashes)}
	for i := range c.Hashes {
		c.Hashes[i] = slices.Clone(c.Hashes[i])
	}
	return c
}

func (c *CodeChallenge) clone() *CodeChallenge {
	if c == nil {
		return nil
	}
	d := *c
	d.Digest = slices.Clone(c.Digest)
	return &d
}

// The errors of the second factor.
var (
	// ErrTwoFactorRequired means that the password was correct and a code is required; its methods member lists the
	// methods.
	ErrTwoFactorRequired = fault.New(fault.Unauthenticated, "two_factor_required", "Two-factor code required")
	// ErrTwoFactorLogin means that a code was wrong or used at login.
	ErrTwoFactorLogin = fault.New(fault.Unauthenticated, "invalid_two_factor_code", "Invalid two-factor code")
	// ErrTwoFactorCode means that a code was wrong in any other operation.
	ErrTwoFactorCode = fault.New(fault.Invalid, "invalid_two_factor_code", "Invalid two-factor code")
	// ErrEnrollmentRequired refuses everything except enrollment to a user whose role requires a second factor.
	ErrEnrollmentRequired = fault.New(fault.Forbidden, "two_factor_enrollment_required",
		"Two-factor authentication must be set up first")
	// ErrReauthentication requires a fresh proof of identity.
	ErrReauthentication = fault.New(fault.Forbidden, "reauthentication_required",
		"Sign in again, or send your password or a code")
	// ErrMethodUnavailable refuses a method that the settings or the configuration do not offer.
	ErrMethodUnavailable = fault.New(fault.Invalid, "invalid_request",
		"This two-factor method is not available").About("method", "is not available")
	ErrTwoFactorOn     = fault.New(fault.Conflict, "conflict", "Two-factor authentication is already on")
	ErrTwoFactorNeeded = fault.New(fault.Conflict, "conflict", "The user's role requires two-factor authentication")
)
