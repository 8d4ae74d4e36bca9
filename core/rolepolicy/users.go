package rolepolicy

import (
	"context"
	"errors"
	"strings"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// CheckList returns nil if the principal may read all users through this API. The level of an API key is its owner's,
// so the key needs users.read as well.
func (s *Service) CheckList(by domain.Principal) error {
	if err := by.RequireSignedIn(); err != nil {
		return err
	}
	if most := s.deps.Config.ListMaxLevel; most != nil && by.Level > *most {
		return denied(RuleLevel)
	}
	if by.Kind == domain.PrincipalAPIKey && !by.Can(domain.UsersRead) {
		return denied(RuleLevel)
	}
	return nil
}

// MemberPage is one page of users.
type MemberPage struct {
	Members []Member
	Total   int64
}

// List returns one page of all users except superusers, in the order of their creation.
func (s *Service) List(ctx context.Context, by domain.Principal, number, limit int) (MemberPage, error) {
	if err := s.CheckList(by); err != nil {
		return MemberPage{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return MemberPage{}, err
	}
	page, err := s.deps.Users.List(ctx, domain.UserQuery{
		ExcludeRole: domain.RoleSudo, Sort: domain.SortCreated, Page: domain.Page{Number: number, Limit: limit},
	})
	if err != nil {
		return MemberPage{}, err
	}
	members := make([]Member, len(page.Users))
	for i, u := range page.Users {
		members[i] = memberOf(catalog, u)
	}
	return MemberPage{Members: members, Total: page.Total}, nil
}

// Walk calls yield for each user except superusers, in the order of their creation and in constant memory.
func (s *Service) Walk(ctx context.Context, by domain.Principal, yield func(Member) error) error {
	if err := s.CheckList(by); err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	query := domain.UserQuery{ExcludeRole: domain.RoleSudo, Sort: domain.SortCreated}
	for user, err := range ports.AllUsers(ctx, s.deps.Users, query) {
		if err == nil {
			err = yield(memberOf(catalog, *user))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Get returns the user with a name. A superuser is visible only to administrators.
func (s *Service) Get(ctx context.Context, by domain.Principal, name string) (Member, error) {
	if err := by.RequireSignedIn(); err != nil {
		return Member{}, err
	}
	member, ok, err := s.find(ctx, name)
	if err != nil {
		return Member{}, err
	}
	if denied := s.CheckList(by); denied != nil && (!ok || !by.BelongsTo(member.ID)) {
		return Member{}, denied // also for unknown users: a principal without this permission must not be able to probe names
	}
	if !ok || member.Role.ID == domain.RoleSudo && by.Level > administrator {
		return Member{}, refused(RuleUsername, name)
	}
	return member, nil
}

// SignupInput is a user to create.
type SignupInput struct {
	Username, Email, Password string
	Role                      string // a guest when empty
	GivenName, FamilyName     string
}

// Signup creates a user with a password. Administrators create users of any role that is not more powerful than their
// own. Others create a guest, and only if the configuration allows self-signup.
func (s *Service) Signup(ctx context.Context, by domain.Principal, in SignupInput) (Member, error) {
	administers := by.RequireSignedIn() == nil && administers(by)
	role, err := s.signupRole(ctx, by, administers, in.Role)
	if err != nil {
		return Member{}, err
	}
	if !administers {
		if err := s.asAnonymous(ctx, &by); err != nil {
			return Member{}, err
		}
	}
	if in.Password == "" { // the core would invite the user by email; here the password is required
		return Member{}, domain.ErrPasswordPolicy.About("password", "must not be empty")
	}
	made, err := s.deps.Accounts.Create(ctx, by, account.NewUser{
		Username: in.Username, Email: in.Email, Password: in.Password, Role: string(role.ID),
		Person: domain.Person{FullName: strings.TrimSpace(in.GivenName + " " + in.FamilyName)}, FamilyName: in.FamilyName,
	})
	if errors.Is(err, domain.ErrUserExists) {
		return Member{}, taken(err, in)
	}
	return Member{User: made.User, Role: role}, err
}

func (s *Service) signupRole(ctx context.Context, by domain.Principal, administers bool, name string) (domain.Role,
	error,
) {
	if name == "" {
		name = string(domain.RoleGuest)
	}
	role, ok, err := s.findRole(ctx, name)
	switch {
	case err != nil:
		return domain.Role{}, err
	case !administers && (!ok || role.ID != domain.RoleGuest):
		return domain.Role{}, denied(RuleAdministrator) // an anonymous client must not learn whether the role exists
	case !ok:
		return domain.Role{}, refused(RuleSignupRoleUnknown, name)
	case administers && role.Level < by.Level:
		return domain.Role{}, denied(RuleAdministrator)
	}
	return role, nil
}

// asAnonymous lets an anonymous principal create a guest if the configuration allows it, and rate limits each address.
func (s *Service) asAnonymous(ctx context.Context, by *domain.Principal) error {
	if !s.deps.Config.SelfSignup {
		return denied(RuleAdministrator)
	}
	rate, now := s.deps.Config.SignupRate, s.deps.Clock.Now()
	if _, err := ports.Take(ctx, s.deps.Limits, "signup:"+by.Origin.Network(), rate, now); err != nil {
		return err
	}
	stranger := domain.Anonymous(by.Origin)
	stranger.Kind = domain.PrincipalSystem
	stranger.Grants = domain.Grants{{Source: "self_signup", Permission: domain.UsersManage}}
	*by = stranger
	return nil
}

// taken returns the error for a taken name.
func taken(err error, in SignupInput) error {
	if d := fault.Of(err).Details(); len(d) > 0 && d[0].Field == "email" { // if both are taken, the username is reported
		return ErrTaken.Because(&RefusalError{RuleEmailTaken, []any{in.Email}})
	}
	return ErrTaken.Because(&RefusalError{RuleUsernameTaken, []any{in.Username}})
}
