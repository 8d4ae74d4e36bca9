package domain

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// DirectoryID identifies a configured directory, such as "local" or "corp".
type DirectoryID string

// Subject is a directory's own stable ID of an account: entryUUID, objectGUID, or issuer and sub. It is never a name,
// an email or a DN, since those can be reassigned to other people.
type Subject string

// Outcome is a directory's result for a password. An outage is never an outcome but an error.
type Outcome int

// The outcomes of a password check; the zero value is a refusal. Outcomes after OK are returned only if the directory
// has verified the correct password, except Locked, which some directories return for any password.
const (
	OutcomeBadCredentials Outcome = iota
	OutcomeOK
	OutcomeMustChange
	OutcomeExpired
	OutcomeLocked
	OutcomeDisabled
	OutcomeAccountExpired
)

var outcomeNames = [...]string{
	"bad_credentials", "ok", "must_change", "expired", "locked", "disabled",
	"account_expired",
}

// String returns the name of the outcome for the audit log.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return "unknown"
	}
	return outcomeNames[o]
}

// Identity is an account that a directory has verified: its subject and attributes.
type Identity struct {
	Directory DirectoryID
	Subject   Subject

	Username string
	Email    string
	Person
	// EmailVerified reports whether the directory has verified the email.
	EmailVerified bool
	// Unmapped are the names of the attributes (email, and those of PersonTexts) that the directory is not configured to
	// provide. A user's own values of these stay; of all others an empty value means that the user has none.
	Unmapped []string
	// Groups are the directory's own names of the account's groups (DNs, or the values of a claim), including nested
	// ones.
	Groups []string
	// Role is the role that the directory's mapping assigns; empty if no rule matched.
	Role RoleID
	// MappedGroups are the names of our groups that the directory's mapping assigns.
	MappedGroups []string
	// MapsAdministrators reports whether the directory's configuration lets its mapping assign administrative
	// permissions.
	MapsAdministrators bool
	// Methods are the authentication methods that the directory reports (RFC 8176, such as "pwd" or "mfa").
	Methods []string
	// SecondFactor reports whether the directory's own second factor counts as ours, by its configuration.
	SecondFactor bool
	// Disabled reports whether the account is disabled in the directory. Lists and lookups set it; a password check has
	// an Outcome.
	Disabled bool
}

// Provides reports whether the directory is configured to provide the attribute.
func (i *Identity) Provides(attribute string) bool { return !slices.Contains(i.Unmapped, attribute) }

// Texts returns the patch that sets the texts that the directory provides, and clears those that the account lacks.
func (i *Identity) Texts() PersonPatch {
	patch := PersonPatch{}
	for _, text := range PersonTexts {
		if i.Provides(text.Name) {
			patch[text.Name] = *text.Of(&i.Person)
		}
	}
	return patch
}

// PasswordCheck is the result of a password check.
type PasswordCheck struct {
	Outcome Outcome
	// Identity is set for each outcome except BadCredentials. Without a service account a directory cannot identify the
	// account unless the outcome is OK: then the subject is empty, and the login can only be refused.
	Identity Identity
	// LockedUntil is the end of a directory's own lock; zero if the directory does not report it.
	LockedUntil time.Time
	// Detail is the directory's own explanation, for the audit log. It is never displayed to the user.
	Detail string
}

// ListResult is the result of listing a directory.
type ListResult struct {
	// Next is the token for the next listing; empty if the directory cannot list changes.
	Next string
	// Complete reports whether all accounts were listed, so that an unlisted account has been removed.
	Complete bool
	// Skipped are entries that cannot be accounts. Their people are not in the listing and have not been removed.
	Skipped []SkippedEntry
}

// SkippedEntry is an entry of a directory that a listing has skipped.
type SkippedEntry struct {
	Name     string // of the entry in the directory, such as its DN
	Username string // empty if it has none
	Reason   string
}

// MappingNames are the names of our roles and groups in a directory's mapping rules.
type MappingNames struct {
	Roles  []RoleID
	Groups []string
	// Administrators reports whether the rules may assign administrative permissions.
	Administrators bool
}

// SyncPosition is the position at which the next scheduled synchronization of a directory starts.
type SyncPosition struct {
	Directory  DirectoryID
	Next       string    // the token of the previous listing; empty lists all accounts
	CompleteAt time.Time // time of the last complete listing
}

// SyncStatus is the result of the scheduled synchronizations of a directory, in numbers.
type SyncStatus struct {
	At             time.Time // of the last run
	SafetyLimitHit bool      // it stopped at a safety limit
	Unavailable    bool      // the directory or the store was unavailable
	// Counts of the last run that was applied.
	Created, Updated, Disabled, Enabled, Failed int
}

// The errors of directories.
var (
	// ErrDirectoryUnavailable means that the directory did not respond. It never counts as a failed attempt.
	ErrDirectoryUnavailable = fault.New(fault.Unavailable, "directory_unavailable", "The directory service is unavailable")
	// ErrPasswordManagedExternally means that the user's directory does not allow this service to change passwords.
	ErrPasswordManagedExternally = fault.New(fault.Conflict, "password_managed_externally",
		"The password is managed by the user's directory")
	// ErrPasswordPolicy means that a new password was refused; its details name the rules.
	ErrPasswordPolicy = fault.New(fault.Invalid, "password_policy", "The password does not meet the policy")
	// ErrCurrentPassword means that the current password was wrong in a password change.
	ErrCurrentPassword = fault.New(fault.Invalid, "invalid_current_password", "The current password is incorrect")
	// ErrSubjectNotFound means that a directory has no account with the subject.
	ErrSubjectNotFound = fault.New(fault.NotFound, "not_found", "The directory does not have the user")
)
