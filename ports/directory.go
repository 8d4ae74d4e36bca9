package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Directory is where accounts live. What else one can do is told by the other interfaces of this file that it
// implements; the services ask for them by type assertion.
//
// Implementations are safe for concurrent use and keep every call within ctx. An error of any method that is no fault
// of the domain means that the directory could not say: it wraps domain.ErrDirectoryUnavailable.
type Directory interface {
	ID() domain.DirectoryID
	// Type is the word of the configuration: builtin, ldap, activedirectory or oidc.
	Type() string
	// JustInTime reports whether a person whom we do not know yet becomes a user at the first login.
	JustInTime() bool
	// Suffixes are the domains whose logins belong here ("name@suffix", "SUFFIX\name"), in lower case.
	Suffixes() []string
	Close(ctx context.Context) error
}

// Login is a name and password as they were typed.
type Login struct {
	Name     string
	Password string
}

// PasswordVerifier checks passwords.
type PasswordVerifier interface {
	Directory
	// VerifyPassword checks a login by name. An unknown name and a wrong password are both OutcomeBadCredentials, as is
	// an empty name or password, without asking the server.
	VerifyPassword(ctx context.Context, login Login) (domain.PasswordCheck, error)
	// VerifySubject checks the password of a known person, under whatever name they now have.
	VerifySubject(ctx context.Context, subject domain.Subject, password string) (domain.PasswordCheck, error)
}

// CredentialKeeper is a directory whose credentials live with our users: it makes and checks them, and a service writes
// them in the same step as what comes with a change of password. The users it has are known to us already, so it finds nobody.
type CredentialKeeper interface {
	Directory
	// CheckCredential checks a password. A nil credential is OutcomeBadCredentials after the same work as a wrong
	// password, so that nobody can time which names exist. Outdated tells to replace the credential's hash by
	// MakeHash(password), which is done when the check is OutcomeOK.
	CheckCredential(ctx context.Context, credential *domain.PasswordCredential, password string) (outcome domain.Outcome, outdated bool, err error)
	// LearnCost measures what checking a password against the credential takes where that is not known, so that the first refusal
	// does not tell that the user exists.
	LearnCost(ctx context.Context, credential *domain.PasswordCredential) error
	// MakeHash returns the hash to keep for a new password.
	MakeHash(ctx context.Context, password string) (string, error)
	// CheckNew returns domain.ErrPasswordPolicy that names each broken rule when next breaks the policy, is one that
	// everybody tries first, holds one of the person's own words, or is among the credential's last passwords.
	CheckNew(ctx context.Context, policy domain.PasswordPolicy, next domain.NewPassword) error
}

// PasswordChanger lets a person change their own password, also when it has expired or must be changed.
type PasswordChanger interface {
	Directory
	// ChangePassword replaces current by next. A wrong current one is domain.ErrCurrentPassword, a refused new one
	// domain.ErrPasswordPolicy with the directory's reason.
	ChangePassword(ctx context.Context, subject domain.Subject, current, next string) error
}

// PasswordSetter sets passwords without knowing the present one.
type PasswordSetter interface {
	Directory
	// SetPassword sets next; mustChange makes the person choose another at the next login. A refused one is
	// domain.ErrPasswordPolicy with the directory's reason.
	SetPassword(ctx context.Context, subject domain.Subject, next string, mustChange bool) error
}

// Lookup finds one person as the directory sees them now.
type Lookup interface {
	Directory
	// Find returns the identity, with Disabled telling whether the account is switched off there. Nobody under that
	// subject is domain.ErrSubjectNotFound.
	Find(ctx context.Context, subject domain.Subject) (domain.Identity, error)
	// FindName returns the identity for a login name; an unknown one is domain.ErrSubjectNotFound.
	FindName(ctx context.Context, name string) (domain.Identity, error)
}

// Lister walks through everybody in the directory.
type Lister interface {
	Directory
	// List calls yield with each page. since is the token of an earlier run, for what changed after it, or empty for
	// everybody. A directory that cannot tell what changed since, and one whose settings are others than at that run, gives
	// everybody, and the result says so. A page that could not
	// be read is an error, never a shorter list. A page is the receiver's to keep.
	List(ctx context.Context, since string, yield func([]domain.Identity) error) (domain.ListResult, error)
}

// SyncPositionStore keeps where scheduled synchronizations go on, so that a restart does not begin with everybody.
type SyncPositionStore interface {
	// SyncPosition returns the directory's position, a zero one where there is none.
	SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error)
	// PutSyncPosition keeps the position in place of the directory's former one; of two at once either is kept.
	PutSyncPosition(ctx context.Context, position domain.SyncPosition) error
}

// Mapper tells what its mapping rules can give, so that a name which nothing has here is noticed before somebody misses it.
type Mapper interface {
	Directory
	MappingNames() domain.MappingNames
}

// LockoutReader tells when the directory itself locks an account, so that ours can be seen to lock before it.
type LockoutReader interface {
	Directory
	// LockoutThreshold returns how many wrong passwords lock an account there; 0 where it never locks or does not tell.
	LockoutThreshold(ctx context.Context) (int, error)
}

// RedirectLogin signs people in by sending their browser to a provider.
type RedirectLogin interface {
	Directory
	// DisplayName is what a login page shows.
	DisplayName() string
	// LinksByEmail reports whether the configuration trusts the provider's verified addresses enough to sign people in to
	// an account that they have here already.
	LinksByEmail() bool
	// Start returns where to send the browser for the given state. Nothing is kept: what the callback needs comes back
	// in the flow that the caller stores.
	Start(ctx context.Context, req RedirectRequest) (domain.RedirectStart, error)
	// Finish checks the callback's parameters against the flow and returns who signed in. A refused one is
	// domain.ErrRedirectLogin with the reason as its cause. So is the sign-in of a fresh flow that the provider dates before
	// the start of the flow, or does not date.
	Finish(ctx context.Context, flow domain.RedirectFlow, callback domain.RedirectCallback) (domain.RedirectResult, error)
}

// RedirectRequest is what a start needs from us.
type RedirectRequest struct {
	State     string // the random value that ties the callback to the flow
	Callback  string // our own callback's URL
	LoginHint string
	// Fresh asks the person to sign in again at the provider, even where its session is live.
	Fresh bool
}

// ProviderSessions follows sessions that a provider can end.
type ProviderSessions interface {
	Directory
	// Refresh asks the provider whether the session that the grant came with still lives, and returns the grant that
	// takes its place. domain.ErrProviderSessionEnded means that it does not.
	Refresh(ctx context.Context, grant string) (next string, err error)
	// LogoutURL returns where to send the browser to end the provider's session too; empty where it has no such thing.
	LogoutURL(ctx context.Context, idToken, returnTo, state string) (string, error)
	// CheckLogoutToken checks a back-channel logout token (OpenID Connect Back-Channel Logout 1.0) and tells what it ends.
	CheckLogoutToken(ctx context.Context, token string) (domain.ProviderLogout, error)
}

// Checker explains itself to an operator.
type Checker interface {
	Directory
	// Check tries everything that the directory needs and reports each step; sample is a login name to look at, or empty.
	Check(ctx context.Context, sample string) []domain.CheckStep
}

// DirectoryFactory makes directories of one type.
type DirectoryFactory struct {
	Type string
	// Open reads the settings with decode, checks them and makes no network call. Decode fills a struct by its koanf tags,
	// leaves absent keys at what they are, reads durations such as "5s" and refuses unknown keys. Mistakes come all at
	// once as one fault.ErrInvalid with a detail for each key, named as in the configuration ("timeouts.connect").
	Open func(id domain.DirectoryID, decode func(into any) error) (Directory, error)
}
