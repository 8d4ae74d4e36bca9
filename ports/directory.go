package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Directory is where accounts live. Its other capabilities are the interfaces of this file that it implements; the
// services test for them by type assertion.
//
// Implementations are safe for concurrent use and end every call within ctx. An error of any method that is not a
// fault of the domain means that the directory was unavailable: it wraps domain.ErrDirectoryUnavailable.
type Directory interface {
	ID() domain.DirectoryID
	// Type is the value in the configuration, such as ldap.
	Type() string
	// JustInTime reports whether a person without a user record becomes a user at the first login.
	JustInTime() bool
	// Suffixes returns the domains whose logins belong to this directory ("name@suffix", "SUFFIX\name"), in lower
	// case.
	Suffixes() []string
	Close(ctx context.Context) error
}

// Login is a name and password as entered.
type Login struct {
	Name     string
	Password string
}

// PasswordVerifier checks passwords.
type PasswordVerifier interface {
	Directory
	// VerifyPassword checks a login by name. An unknown name and a wrong password are both OutcomeBadCredentials, as
	// is an empty name or password, for which no request is sent to the server.
	VerifyPassword(ctx context.Context, login Login) (domain.PasswordCheck, error)
	// VerifySubject checks the password of a known subject, whose login name may have changed.
	VerifySubject(ctx context.Context, subject domain.Subject, password string) (domain.PasswordCheck, error)
}

// LocalPasswordStore is a directory whose credentials are stored with our users, a local password store. It creates and
// checks credentials; a service writes them atomically with the rest of a password change. Its users already have
// user records, so it has no lookup.
type LocalPasswordStore interface {
	Directory
	// CheckCredential checks a password. A nil credential is OutcomeBadCredentials after the same work as a wrong
	// password, so that response times do not reveal which names exist. outdated reports that the credential's hash
	// should be replaced by MakeHash(password), which is done if the check is OutcomeOK.
	CheckCredential(ctx context.Context, credential *domain.PasswordCredential, password string) (outcome domain.Outcome,
		outdated bool, err error)
	// LearnCost measures the cost of checking a password against the credential if it is unknown, so that the first
	// refusal does not reveal that the user exists.
	LearnCost(ctx context.Context, credential *domain.PasswordCredential) error
	// MakeHash returns the hash to store for a new password.
	MakeHash(ctx context.Context, password string) (string, error)
	// Matches compares a new password with the hash of a previous one of the same user, without constant-time padding.
	Matches(ctx context.Context, hash, password string) (bool, error)
}

// PasswordChanger changes a person's own password, also if it has expired or must be changed.
type PasswordChanger interface {
	Directory
	// ChangePassword replaces current by next. A wrong current password is domain.ErrCurrentPassword, a refused new
	// one domain.ErrPasswordPolicy with the directory's reason.
	ChangePassword(ctx context.Context, subject domain.Subject, current, next string) error
}

// PasswordSetter sets passwords without the current one.
type PasswordSetter interface {
	Directory
	// SetPassword sets next. mustChange requires the person to choose another at the next login. A refused password
	// is domain.ErrPasswordPolicy with the directory's reason.
	SetPassword(ctx context.Context, subject domain.Subject, next string, mustChange bool) error
}

// Lookup finds one person in the directory's current state.
type Lookup interface {
	Directory
	// Find returns the identity. Disabled is set if the account is disabled in the directory. An unknown subject is
	// domain.ErrSubjectNotFound.
	Find(ctx context.Context, subject domain.Subject) (domain.Identity, error)
	// FindName returns the identity for a login name. An unknown name is domain.ErrSubjectNotFound.
	FindName(ctx context.Context, name string) (domain.Identity, error)
}

// Lister lists all identities of the directory.
type Lister interface {
	Directory
	// List calls yield with each page. since is the token of an earlier run, to list only what changed after it, or
	// empty to list everything. A directory that cannot list changes, or whose settings differ from those of that
	// run, lists everything, and the result reports that. A page that could not be read is an error, never a shorter
	// list. The receiver may keep a page.
	List(ctx context.Context, since string, yield func([]domain.Identity) error) (domain.ListResult, error)
}

// SyncPositionStore stores the positions of scheduled synchronizations, so that a restart does not begin with a full
// run.
type SyncPositionStore interface {
	// SyncPosition returns the directory's position, or the zero position if there is none.
	SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error)
	// PutSyncPosition replaces the directory's position. Of two concurrent calls either may win.
	PutSyncPosition(ctx context.Context, position domain.SyncPosition) error
}

// Mapper lists the names that its mapping rules can produce, so that a name without a role or group of ours is
// reported early.
type Mapper interface {
	Directory
	MappingNames() domain.MappingNames
}

// LockoutReader reads the directory's own lockout threshold, to verify that our lockout applies first.
type LockoutReader interface {
	Directory
	// LockoutThreshold returns how many wrong passwords lock an account in the directory, or 0 if it never locks or
	// does not publish the value.
	LockoutThreshold(ctx context.Context) (int, error)
}

// RedirectLogin signs people in by a browser redirect to a provider.
type RedirectLogin interface {
	Directory
	// DisplayName is the name on a login page.
	DisplayName() string
	// LinksByEmail reports whether the configuration trusts the provider's verified addresses enough to sign people
	// in to an existing account.
	LinksByEmail() bool
	// Start returns the provider's URL for the given state. It stores nothing: what the callback needs is in the
	// returned flow, which the caller stores.
	Start(ctx context.Context, req RedirectRequest) (domain.RedirectStart, error)
	// Finish checks the callback's parameters against the flow and returns who signed in. A refused callback is
	// domain.ErrRedirectLogin with the reason as its cause. So is a fresh flow whose sign-in time, as the provider
	// reports it, is missing or before the start of the flow.
	Finish(ctx context.Context, flow domain.RedirectFlow, callback domain.RedirectCallback) (domain.RedirectResult, error)
}

// RedirectRequest holds the parameters of RedirectLogin.Start.
type RedirectRequest struct {
	State     string // the random value that binds the callback to the flow
	Callback  string // the URL of our callback
	LoginHint string
	// Fresh requires a new sign-in at the provider, even if its session is live.
	Fresh bool
}

// ProviderSessions tracks sessions that a provider can end.
type ProviderSessions interface {
	Directory
	// Refresh checks with the provider that the session of the grant is still live, and returns the grant's
	// replacement. If it is not live, the error is domain.ErrProviderSessionEnded. Without an answer that can be
	// trusted it is domain.ErrDirectoryUnavailable; next is then the replacement if the provider has issued one, and
	// otherwise empty. The provider takes no other grant from then on, so the caller stores it in both cases.
	Refresh(ctx context.Context, grant string) (next string, err error)
	// LogoutURL returns the URL that also ends the provider's session in the browser, or "" if the provider has no
	// logout endpoint.
	LogoutURL(ctx context.Context, idToken, returnTo, state string) (string, error)
	// CheckLogoutToken verifies a back-channel logout token (OpenID Connect Back-Channel Logout 1.0) and returns what
	// it ends.
	CheckLogoutToken(ctx context.Context, token string) (domain.ProviderLogout, error)
}

// Checker diagnoses a directory's configuration for an operator.
type Checker interface {
	Directory
	// Check tries every operation of the directory and reports each step. sample is a login name to look up, or
	// empty.
	Check(ctx context.Context, sample string) []domain.CheckStep
}

// DirectoryFactory opens directories of one type.
type DirectoryFactory struct {
	Type string
	// Open decodes the settings with decode and validates them. It makes no network call. decode fills a struct by
	// its yaml tags, leaves absent keys unchanged, parses durations such as "5s" and refuses unknown keys. All
	// errors are returned together as one fault.ErrInvalid with a detail for each key, named as in the configuration
	// ("timeouts.connect").
	Open func(id domain.DirectoryID, decode func(into any) error) (Directory, error)
}
