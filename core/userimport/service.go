package userimport

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
)

// Deps holds the dependencies of a Service.
type Deps struct {
	Users       ports.UserStore
	Roles       ports.RoleStore
	Catalog     ports.CatalogView
	Access      *access.Service
	Directories *directory.Registry
	Hashes      ports.PasswordHasher
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
}

// Service imports users and roles.
type Service struct{ deps Deps }

// New returns a Service.
func New(n Deps) *Service { return &Service{deps: n} }

// User is a user to import. Empty fields take the defaults of a new user.
type User struct {
	Identifier    string // eight hexadecimal digits of the Users API; generated if empty
	Username      string
	Email         string
	EmailVerified bool
	domain.Person
	FamilyName    string
	Role          string
	Groups        []string
	Status        string // active if empty and there is a hash
	Metadata      domain.Metadata
	Directory     string
	Subject       string // in an external directory
	PasswordHash  string
	PasswordSetAt time.Time
	CreatedAt     time.Time
}

// Role is a role to import.
type Role struct {
	Identifier  string
	Name        string
	Level       int
	Permissions []string
}

// Outcome is the result of a row.
type Outcome int

// The outcomes.
const (
	Created   Outcome = iota
	Unchanged         // it was imported before
	Refused           // Reason gives the cause
)

// Result is the result of one row, in the order of the input.
type Result struct {
	Outcome Outcome
	Reason  string // of a refusal, or of a difference from the row
}

var identifierForm = regexp.MustCompile(`^[0-9a-f]{8}$`)

// foresee returns the catalog as it would be after the roles of a dry run.
func (i *Import) foresee(catalog *domain.Catalog) *domain.Catalog {
	if len(i.roles) == 0 {
		return catalog
	}
	for id := range i.roles {
		catalog = catalog.WithRole(domain.Role{ID: id, Level: domain.DefaultRoleLevel})
	}
	return catalog
}

// draft validates a row and returns its user.
func (s *Service) draft(catalog *domain.Catalog, in *User) (domain.User, error) {
	now := s.deps.Clock.Now().UTC()
	user := domain.User{
		ID: domain.UserID(s.deps.IDs.NewID(domain.UserPrefix)), Identifier: in.Identifier, Username: in.Username,
		Email:         in.Email,
		EmailVerified: in.EmailVerified, Person: in.Person, FamilyName: in.FamilyName,
		Metadata: in.Metadata, Role: domain.RoleID(strings.ToLower(in.Role)), Status: domain.UserStatus(in.Status),
		Directory: domain.DirectoryID(in.Directory), Subject: domain.Subject(in.Subject), CreatedAt: in.CreatedAt.UTC(),
		UpdatedAt: now,
	}
	s.defaults(&user, in, now)
	directory.SetKeys(s.deps.CaseFolder, &user)
	for _, err := range slices.Concat(
		[]error{
			domain.CheckUsername(user.Username), domain.CheckUsernameKey(user.UsernameKey),
			domain.CheckEmail(user.Email),
		},
		user.CheckTexts(), []error{domain.CheckMetadata(user.Metadata), s.checkRest(catalog, &user, in)},
	) {
		if err != nil {
			return user, err
		}
	}
	return user, nil
}

func (s *Service) defaults(user *domain.User, in *User, now time.Time) {
	if user.Identifier == "" {
		user.Identifier = access.NewIdentifier(s.deps.IDs)
	}
	if user.Role == "" {
		user.Role = domain.RoleUser
	}
	if user.Directory == "" {
		user.Directory = s.deps.Directories.Fallback().ID()
	}
	if in.CreatedAt.IsZero() {
		user.CreatedAt = now
	}
	if in.PasswordHash != "" {
		user.Password = &domain.PasswordCredential{Hash: in.PasswordHash, ChangedAt: in.PasswordSetAt.UTC()}
		if in.PasswordSetAt.IsZero() {
			user.Password.ChangedAt = now // the actual time is unknown; the password's age counts from now
		}
	}
	switch {
	case user.Status != "":
	case in.PasswordHash != "" || in.Subject != "":
		user.Status = domain.StatusActive
	default:
		user.Status = domain.StatusPending
	}
}

// checkRest checks what the row alone does not decide.
func (s *Service) checkRest(catalog *domain.Catalog, user *domain.User, in *User) error {
	refuse := func(field, reason string) error { return fault.ErrInvalid.About(field, reason) }
	if _, ok := catalog.Roles.Get(user.Role); !ok {
		return refuse("role", "does not exist")
	}
	for _, name := range in.Groups {
		g, ok := catalog.FindGroup(name, s.deps.CaseFolder.Fold)
		if !ok {
			return refuse("groups", "names a group that does not exist")
		}
		user.Groups = append(user.Groups, g.ID)
	}
	switch user.Status {
	case domain.StatusActive, domain.StatusPending, domain.StatusDeactivated:
	default:
		return refuse("status", "must be active, pending_activation or deactivated")
	}
	if !identifierForm.MatchString(user.Identifier) {
		return refuse("identifier", "must be eight hexadecimal digits in lower case")
	}
	// clocks and time zones differ; a later time would never be reached here
	tomorrow := s.deps.Clock.Now().Add(24 * time.Hour)
	if in.PasswordSetAt.After(tomorrow) {
		return refuse("password_set_at", "must not be in the future")
	}
	if in.CreatedAt.After(tomorrow) {
		return refuse("created_at", "must not be in the future")
	}
	if problem := s.hashProblem(in.PasswordHash); problem != "" {
		return refuse("password_hash", problem)
	}
	return s.checkDirectory(user, in)
}

// hashProblem returns why a hash is not supported. It returns "" for a supported or empty hash.
func (s *Service) hashProblem(hash string) string {
	if hash == "" {
		return ""
	}
	switch s.deps.Hashes.Supports(hash) {
	case domain.HashUnknown:
		return "is of a format that is not known"
	case domain.HashTooCostly:
		return "costs more to check than is allowed"
	default:
		return ""
	}
}

// dropHash removes an unsupported hash from a row of the built-in directory and returns the note about it.
func (s *Service) dropHash(in *User) (note string) {
	problem := s.hashProblem(in.PasswordHash)
	if problem == "" || !s.storesPasswords(in.Directory) {
		return ""
	}
	in.PasswordHash, in.PasswordSetAt = "", time.Time{}
	note = "password_hash " + problem + " and was left out: "
	if domain.UserStatus(in.Status) == domain.StatusDeactivated {
		return note + "the user has no password"
	}
	in.Status = string(domain.StatusPending)
	return note + "the user is pending and gets an activation mail"
}

func (s *Service) storesPasswords(id string) bool {
	d, _ := s.deps.Directories.Get(domain.DirectoryID(id))
	if id == "" {
		d = s.deps.Directories.Fallback()
	}
	_, stores := d.(ports.LocalPasswordStore)
	return stores
}

func (s *Service) checkDirectory(user *domain.User, in *User) error {
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok {
		return fault.ErrInvalid.About("directory", "is not configured")
	}
	_, keeps := d.(ports.LocalPasswordStore)
	switch {
	case keeps && in.Subject != "":
		return fault.ErrInvalid.About("subject", "is for users of an outside directory")
	case !keeps && in.PasswordHash != "":
		return fault.ErrInvalid.About("password_hash", "is for users of the built-in directory")
	case keeps && user.Status == domain.StatusActive && in.PasswordHash == "":
		return fault.ErrInvalid.About("status", "cannot be active without a password_hash")
	}
	return nil
}
