package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// ErrNotProvisioned is returned for an identity that may not become a user by logging in.
var ErrNotProvisioned = fault.New(fault.Unauthenticated, "unauthorized", "Invalid credentials")

var (
	errNoSubject   = errors.New("the directory gives no subject")
	errNoneCreated = errors.New("there is no such user, and just_in_time is off")
)

// CauseOf returns the audit option that records the cause of an ErrNotProvisioned. For other errors it records nothing.
func CauseOf(err error) audit.Option {
	if cause := errors.Unwrap(err); cause != nil && errors.Is(err, ErrNotProvisioned) {
		return audit.Detail("cause", cause.Error())
	}
	return func(*domain.AuditEntry) {}
}

// Provisioner creates users from directory identities and keeps them up to date.
type Provisioner struct{ deps Deps }

// Deps holds the dependencies of a Provisioner.
type Deps struct {
	Users       ports.UserStore
	Directories *Registry
	Access      *access.Service
	AuditWriter *audit.Writer
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
}

// NewProvisioner returns a Provisioner.
func NewProvisioner(d Deps) *Provisioner { return &Provisioner{deps: d} }

// Provision returns the up-to-date user of an identity that its directory has just verified. An unknown identity
// becomes a user if create is true; otherwise Provision returns ErrNotProvisioned.
func (p *Provisioner) Provision(ctx context.Context, by domain.Principal, identity domain.Identity,
	create bool,
) (domain.User, error) {
	if identity.Subject == "" || identity.Directory == "" {
		return domain.User{}, ErrNotProvisioned.Because(errNoSubject)
	}
	user, err := p.deps.Users.FindBySubject(ctx, identity.Directory, identity.Subject)
	switch {
	case err == nil:
		return p.Refresh(ctx, by, user, identity)
	case !errors.Is(err, domain.ErrUserNotFound):
		return domain.User{}, err
	case !create:
		return domain.User{}, ErrNotProvisioned.Because(errNoneCreated)
	}
	return p.create(ctx, by, identity)
}

// Refresh updates a user from the identity: name, email, phone number, and the role and groups of the mapping. It
// writes nothing if nothing differs.
func (p *Provisioner) Refresh(ctx context.Context, by domain.Principal, user domain.User,
	identity domain.Identity,
) (domain.User, error) {
	identity = cleaned(identity)
	for tries := 1; ; tries++ {
		updated, err := p.refresh(ctx, by, user, identity)
		if !errors.Is(err, domain.ErrUserExists) || identity.Email == "" {
			return updated, err
		}
		if tries >= emailTries {
			identity.Email, identity.EmailVerified = "", false
		} else if err := p.release(ctx, &identity); err != nil {
			return domain.User{}, err
		}
	}
}

func (p *Provisioner) refresh(ctx context.Context, by domain.Principal, user domain.User,
	identity domain.Identity,
) (domain.User, error) {
	catalog, err := p.deps.Access.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	if same := user.Clone(); p.apply(catalog, &same, identity) == nil {
		return user, nil
	}
	return p.deps.Access.UpdateUser(ctx, user.ID, func(u *domain.User, out *domain.Outbox) error {
		changed := p.apply(catalog, u, identity)
		if changed == nil {
			return domain.ErrUnchanged
		}
		u.UpdatedAt = p.deps.Clock.Now().UTC()
		out.Record(p.deps.AuditWriter.Entry(by, domain.ActionUserUpdate, string(u.ID), actor(by, u.ID),
			audit.Detail("source", "directory:"+string(identity.Directory)), audit.Detail("fields", changed)))
		return nil
	})
}

// actor records who acted: the user who logs in, or else the operator or job that synchronizes.
func actor(by domain.Principal, id domain.UserID) audit.Option {
	if by.Kind == domain.PrincipalAnonymous {
		return audit.ActedBy(id)
	}
	return func(*domain.AuditEntry) {}
}

// apply sets the fields of the user that differ and returns their names.
func (p *Provisioner) apply(catalog *domain.Catalog, u *domain.User, identity domain.Identity) []string {
	changed := append(u.SetTexts(identity.Texts()), setEmail(u, &identity)...)
	if role := MappedRole(catalog, identity); role != "" && u.Role != role {
		u.Role = role
		changed = append(changed, "role")
	}
	if groups, ok := mappedGroups(catalog, identity); ok && !sameMembers(u.Groups, groups) {
		u.Groups = groups
		changed = append(changed, "groups")
	}
	if changed != nil {
		SetKeys(p.deps.CaseFolder, u)
	}
	return changed
}

// cleaned returns the identity as it is stored, under the rules that the APIs have for the same fields. It removes
// control and bidirectional characters from texts and drops an invalid email address or phone number.
func cleaned(identity domain.Identity) domain.Identity {
	identity.Username = strings.TrimSpace(identity.Username)
	identity.Person = identity.CleanTexts()
	identity.Email = strings.TrimSpace(identity.Email)
	if domain.CheckEmail(identity.Email) != nil {
		identity.Email, identity.EmailVerified = "", false
	}
	return identity
}

func (p *Provisioner) create(ctx context.Context, by domain.Principal, identity domain.Identity) (domain.User, error) {
	identity = cleaned(identity)
	catalog, err := p.deps.Access.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	now := p.deps.Clock.Now().UTC()
	user := domain.User{
		ID: domain.UserID(p.deps.IDs.NewID(domain.UserPrefix)), Identifier: access.NewIdentifier(p.deps.IDs),
		Username: identity.Username, Role: domain.RoleUser, Status: domain.StatusActive,
		Directory: identity.Directory, Subject: identity.Subject, CreatedAt: now, UpdatedAt: now,
	}
	p.apply(catalog, &user, identity)
	if err := domain.CheckDirectoryUsername(user.Username); err != nil {
		return domain.User{}, ErrNotProvisioned.Because(err)
	}
	var out domain.Outbox
	out.Record(p.deps.AuditWriter.Entry(by, domain.ActionUserCreate, string(user.ID), actor(by, user.ID),
		audit.Detail("source", "directory:"+string(identity.Directory)), audit.Detail("role", string(user.Role))))
	return p.store(ctx, user, out)
}

// store writes the new user with the first free combination of: the username and email as they are, the username
// without the email, the username qualified with the directory, and that without the email. A reserved name is always
// qualified. A username that another account has as its username or email never gives access to that account.
func (p *Provisioner) store(ctx context.Context, user domain.User, out domain.Outbox) (domain.User, error) {
	withoutEmail := user
	withoutEmail.Email, withoutEmail.EmailVerified = "", false
	qualified := user
	qualified.Username = qualifiedName(user.Username, user.Directory)
	qualifiedWithoutEmail := qualified
	qualifiedWithoutEmail.Email, qualifiedWithoutEmail.EmailVerified = "", false
	tries := []domain.User{user, withoutEmail, qualified, qualifiedWithoutEmail}
	if domain.CheckUsernameKey(p.deps.CaseFolder.Fold(user.Username)) != nil {
		tries = tries[2:]
	}
	var err error
	for _, try := range tries {
		SetKeys(p.deps.CaseFolder, &try)
		if err = p.createOne(ctx, &try, out); !errors.Is(err, domain.ErrUserExists) {
			return try, err
		}
		if found, findErr := p.deps.Users.FindBySubject(ctx, user.Directory, user.Subject); findErr == nil {
			return found, nil // a concurrent login with the same account created the user
		}
	}
	return domain.User{}, ErrNotProvisioned.Because(fmt.Errorf("no username is free: %w", err))
}

// qualifiedName is the username of a directory's user whose name another user has.
func qualifiedName(username string, id domain.DirectoryID) string { return username + "@" + string(id) }

// createOne creates the user. If that is refused because of a name that another user has, it tries once more after the
// email has been taken from a user whose directory no longer gives it to them.
func (p *Provisioner) createOne(ctx context.Context, user *domain.User, out domain.Outbox) error {
	err := p.deps.Access.CreateUser(ctx, user, out)
	if !errors.Is(err, domain.ErrUserExists) || user.Email == "" {
		return err
	}
	identity := domain.Identity{
		Directory: user.Directory, Subject: user.Subject, Email: user.Email, EmailVerified: user.EmailVerified,
	}
	if failed := p.release(ctx, &identity); failed != nil || identity.Email == "" {
		return cmp.Or(failed, err)
	}
	return p.deps.Access.CreateUser(ctx, user, out)
}

// SetKeys sets the case-folded keys of a user's names.
func SetKeys(casefold ports.CaseFolder, u *domain.User) {
	u.UsernameKey, u.EmailKey = casefold.Fold(u.Username), casefold.Fold(u.Email)
	u.SearchText = u.UsernameKey + "\n" + u.EmailKey + "\n" + casefold.Fold(u.FullName)
}

// MappedRole returns the role that the directory's mapping assigns. It returns an empty ID if the role does not exist,
// or if it has administrative permissions and the configuration does not allow the mapping to assign those.
func MappedRole(catalog *domain.Catalog, identity domain.Identity) domain.RoleID {
	role, ok := catalog.Roles.Get(identity.Role)
	if !ok || !identity.MapsAdministrators && holdsAdministrative(role.Permissions) {
		return ""
	}
	return role.ID
}

func mappedGroups(catalog *domain.Catalog, identity domain.Identity) ([]domain.GroupID, bool) {
	if identity.MappedGroups == nil {
		return nil, false
	}
	groups := []domain.GroupID{}
	for _, name := range identity.MappedGroups {
		g, ok := catalog.GroupByName(name)
		if ok && (identity.MapsAdministrators || !holdsAdministrative(g.Permissions)) && !slices.Contains(groups, g.ID) {
			groups = append(groups, g.ID)
		}
	}
	return groups, true
}

func holdsAdministrative(permissions []domain.Permission) bool {
	return slices.ContainsFunc(permissions, domain.Permission.IsAdministrative)
}

func sameMembers(a, b []domain.GroupID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
