package domain

import (
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// DirectoryID names a configured directory, such as "local" or "corp".
type DirectoryID string

// Subject is a directory's own stable id of a person: entryUUID, objectGUID, or issuer and sub. Never a name, an
// address or a DN, since those are given to other people later.
type Subject string

// Outcome is what a directory says of a password. An outage is never an outcome but an error.
type Outcome int

// The outcomes of a password check; the zero one is a refusal. Those after OK are told only where the directory has seen
// the right password, except Locked, which some directories tell for any.
const (
	OutcomeBadCredentials Outcome = iota
	OutcomeOK
	OutcomeMustChange
	OutcomeExpired
	OutcomeLocked
	OutcomeDisabled
	OutcomeAccountExpired
)

var outcomeNames = [...]string{"bad_credentials", "ok", "must_change", "expired", "locked", "disabled", "account_expired"}

// String returns the outcome's word for the audit trail.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return "unknown"
	}
	return outcomeNames[o]
}

// Identity is what a directory vouches for: who it is there, and what it says of them.
type Identity struct {
	Directory DirectoryID
	Subject   Subject

	Username    string
	Email       string
	FullName    string
	PhoneNumber string
	// EmailVerified says that the directory vouches for the address.
	EmailVerified bool
	// Groups are the directory's own names of the person's groups (DNs, or the values of a claim), nested ones included.
	Groups []string
	// Role is the role that the directory's mapping gives; empty where no rule matched.
	Role RoleID
	// MappedGroups are the names of our groups that the directory's mapping gives.
	MappedGroups []string
	// MapsAdministrators says that the directory's configuration lets its mapping give administrative permissions.
	MapsAdministrators bool
	// Methods are the authentication methods that the directory vouches for (RFC 8176, such as "pwd" or "mfa").
	Methods []string
	// SecondFactor says that the directory's own second factor counts as ours, by its configuration.
	SecondFactor bool
	// Disabled says that the account is switched off there; lists and look-ups tell it, a password check has an Outcome.
	Disabled bool
}

// PasswordCheck is the answer to a password check.
type PasswordCheck struct {
	Outcome Outcome
	// Identity is set for each outcome but BadCredentials. Without a service account a directory cannot tell who it is
	// unless the outcome is OK: then the subject is empty, and all that can be done is to refuse.
	Identity Identity
	// LockedUntil is when a directory's own lock ends; zero where it does not say.
	LockedUntil time.Time
	// Detail says in the directory's own words why, for the audit trail; never shown to the person.
	Detail string
}

// ListResult is what a walk through a directory tells at its end.
type ListResult struct {
	// Next is the token for the walk after this one; empty where the directory cannot tell what changed.
	Next string
	// Complete says that everybody was listed, so that whoever was not is gone.
	Complete bool
}

// MappingNames are the roles and groups of ours that a directory's mapping rules name.
type MappingNames struct {
	Roles  []RoleID
	Groups []string
	// Administrators says that the rules may give administrative permissions.
	Administrators bool
}

// SyncPosition is where the next scheduled synchronization of a directory begins.
type SyncPosition struct {
	Directory  DirectoryID
	Next       string    // the token of the walk before it; empty: with everybody
	CompleteAt time.Time // when everybody was last looked at
}

// SyncStatus is how the scheduled synchronizations of a directory went, in numbers.
type SyncStatus struct {
	At          time.Time // of the last run
	Braked      bool      // it stopped since it would have changed too much
	Unavailable bool      // the directory or the store could not say
	// What the last run that was applied did.
	Created, Updated, Disabled, Enabled, Failed int
}

// The failures of directories.
var (
	// ErrDirectoryUnavailable means that the directory could not say. It never counts as a failed attempt.
	ErrDirectoryUnavailable = fault.New(fault.Unavailable, "directory_unavailable", "The directory service is unavailable")
	// ErrPasswordManagedExternally means that the user's directory lets nobody change passwords through us.
	ErrPasswordManagedExternally = fault.New(fault.Conflict, "password_managed_externally", "The password is managed by the user's directory")
	// ErrPasswordPolicy is a refused new password; its details name the rules.
	ErrPasswordPolicy = fault.New(fault.Invalid, "password_policy", "The password does not meet the policy")
	// ErrCurrentPassword is a wrong current password in a password change.
	ErrCurrentPassword = fault.New(fault.Invalid, "invalid_current_password", "The current password is incorrect")
	// ErrSubjectNotFound means that a directory has nobody under that subject.
	ErrSubjectNotFound = fault.New(fault.NotFound, "not_found", "Not found")
)
