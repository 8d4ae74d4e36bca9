package account

import (
	"context"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// Patch changes a user; nil fields stay unchanged. An empty text of the person clears it. Metadata returns
// the new metadata for the current one; nil clears it.
type Patch struct {
	Person   domain.PersonPatch
	Metadata func(present domain.Metadata) (domain.Metadata, error)
	Email    *string
	Role     *string
	Groups   *[]string
	Status   *string
}

// managed reports whether the patch changes a field that requires users.manage.
func (p *Patch) managed() bool {
	return p.Email != nil || p.Role != nil || p.Groups != nil || p.Status != nil
}

// Update changes a user atomically. Users and their API keys change their own name, phone number and metadata with
// profile.edit; all other fields, and all fields of other users, require users.manage and the permission to act on that
// user. A changed email is unverified until it is confirmed, and the previous address is notified. If the settings
// require a recent proof of identity, a change of the email, and one that grants or restores administrative
// permissions, is domain.ErrReauthentication without it.
func (s *Service) Update(ctx context.Context, by domain.Principal, id domain.UserID, patch Patch) (Profile, error) {
	catalog, user, err := s.editable(ctx, by, id, &patch)
	if err != nil {
		return Profile{}, err
	}
	e := &edit{service: s, by: by, catalog: catalog, patch: patch}
	if err := e.prepare(ctx, &user); err != nil {
		return Profile{}, err
	}
	user, err = s.deps.Access.UpdateUser(ctx, id, e.apply)
	if err != nil {
		return Profile{}, err
	}
	return s.visible(ctx, by, catalog, user)
}

func (s *Service) editable(ctx context.Context, by domain.Principal, id domain.UserID, patch *Patch) (*domain.Catalog,
	domain.User, error,
) {
	if !by.BelongsTo(id) || by.Can(domain.UsersManage) {
		return s.target(ctx, by, id)
	}
	if err := by.Require(domain.ProfileEdit); err != nil {
		return nil, domain.User{}, err
	}
	if patch.managed() {
		return nil, domain.User{}, fault.ErrForbidden
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, domain.User{}, err
	}
	user, err := s.deps.Users.Get(ctx, id)
	return catalog, user, err
}

// edit is the state of one update.
type edit struct {
	service *Service
	by      domain.Principal
	catalog *domain.Catalog
	patch   Patch
	groups  []domain.GroupID
	token   domain.UserToken // confirms a changed address
	text    string
}

// prepare validates everything that can be validated before the write.
func (e *edit) prepare(ctx context.Context, user *domain.User) error {
	p, checks := e.patch, e.patch.Person.Checks()
	if p.Email != nil {
		trimmed := strings.TrimSpace(*p.Email)
		e.patch.Email = &trimmed
		checks = append(checks, domain.CheckEmail(trimmed))
	}
	if p.Role != nil {
		checks = append(checks, checkRole(e.catalog, domain.RoleID(*p.Role)))
	}
	if p.Groups != nil {
		var err error
		e.groups, err = e.service.findGroups(e.catalog, *p.Groups)
		checks = append(checks, err)
	}
	if p.Status != nil && *p.Status != string(domain.StatusActive) && *p.Status != string(domain.StatusDeactivated) {
		checks = append(checks, fault.ErrInvalid.About("status", "must be active or deactivated"))
	}
	if err := gather(checks...); err != nil {
		return err
	}
	return e.prepareEmail(ctx, user)
}

func (e *edit) prepareEmail(ctx context.Context, user *domain.User) error {
	if e.patch.Email == nil || *e.patch.Email == user.Email {
		return nil
	}
	draft := *user
	draft.Email = *e.patch.Email
	directory.SetKeys(e.service.deps.CaseFolder, &draft)
	if err := e.service.checkRecent(e.catalog, e.by); err != nil {
		return err
	}
	if err := e.service.checkFree(ctx, &draft); err != nil {
		return err
	}
	e.text, e.token = opaquetoken.ForUser(user.ID, domain.TokenEmail, e.service.deps.Clock.Now().UTC())
	return nil
}

// apply applies the patch to the stored user, and checks the rules on that.
func (e *edit) apply(u *domain.User, out *domain.Outbox) error {
	if err := access.CheckActOn(e.catalog, e.by, u); err != nil {
		return err
	}
	var fields []string
	if err := e.applyProfile(u, &fields); err != nil {
		return err
	}
	if err := e.applyRights(u, &fields); err != nil {
		return err
	}
	if err := e.applyEmail(u, out, &fields); err != nil {
		return err
	}
	action := domain.ActionUserUpdate
	if slices.Contains(fields, "role") || slices.Contains(fields, "groups") {
		action = domain.ActionPermissionChange
	}
	if changed, err := e.applyStatus(u, &fields); err != nil {
		return err
	} else if changed != "" {
		action = changed
	}
	if len(fields) == 0 {
		return domain.ErrUnchanged
	}
	u.UpdatedAt = e.service.deps.Clock.Now().UTC()
	directory.SetKeys(e.service.deps.CaseFolder, u)
	options := []audit.Option{audit.Detail("fields", fields)}
	if action == domain.ActionPermissionChange {
		options = append(options, audit.Detail("role", string(u.Role)),
			audit.Detail("groups", profile(e.catalog, *u).GroupNames))
	}
	out.Record(e.service.deps.AuditWriter.Entry(e.by, action, string(u.ID), options...))
	return nil
}

func (e *edit) applyProfile(u *domain.User, fields *[]string) error {
	*fields = append(*fields, u.SetTexts(e.patch.Person)...)
	if e.patch.Metadata == nil {
		return nil
	}
	merged, err := e.patch.Metadata(u.Metadata)
	if err != nil {
		return err
	}
	if !slices.Equal(merged, u.Metadata) {
		u.Metadata = merged
		*fields = append(*fields, "metadata")
	}
	return domain.CheckMetadata(merged)
}

func (e *edit) applyRights(u *domain.User, fields *[]string) error {
	role, groups := u.Role, u.Groups
	if e.patch.Role != nil {
		role = domain.RoleID(*e.patch.Role)
	}
	if e.patch.Groups != nil {
		groups = e.groups
	}
	if err := e.service.deps.Access.MayAssign(e.catalog, e.by, u, role, groups); err != nil {
		return err
	}
	if role != u.Role {
		u.Role = role
		*fields = append(*fields, "role")
	}
	if !slices.Equal(groups, u.Groups) {
		u.Groups = groups
		*fields = append(*fields, "groups")
	}
	return nil
}

func (e *edit) applyEmail(u *domain.User, out *domain.Outbox, fields *[]string) error {
	if e.patch.Email == nil || *e.patch.Email == u.Email {
		return nil
	}
	if err := e.service.checkRecent(e.catalog, e.by); err != nil {
		return err
	}
	former := *u
	u.Email, u.EmailVerified = *e.patch.Email, false
	u.DropTokens(domain.TokenReset, domain.TokenEmail)
	*fields = append(*fields, "email")
	notices, err := e.service.deps.Emails.EmailChanged(former, e.by)
	if err != nil {
		return err
	}
	out.Send(notices...)
	if u.Status == domain.StatusPending {
		u.DropTokens(domain.TokenActivation)
		return e.service.deps.Emails.Invite(u, out) // the previous address must no longer be able to activate the user
	}
	confirmation, err := e.service.deps.Emails.EmailConfirm(*u, e.text, e.token.ExpiresAt)
	if err != nil {
		return err
	}
	u.AddToken(e.token, e.service.deps.Clock.Now())
	out.Send(confirmation...)
	return nil
}

// applyStatus deactivates or activates the user and returns the corresponding audit action.
func (e *edit) applyStatus(u *domain.User, fields *[]string) (domain.Action, error) {
	if e.patch.Status == nil {
		return "", nil
	}
	if *e.patch.Status == string(u.Status) {
		if !u.ConfirmDeactivation() {
			return "", nil
		}
		*fields = append(*fields, "status")
		return domain.ActionUserDeactivate, nil
	}
	*fields = append(*fields, "status")
	if *e.patch.Status == string(domain.StatusDeactivated) {
		u.Deactivate(e.service.deps.Clock.Now().UTC())
		return domain.ActionUserDeactivate, nil
	}
	d, err := e.service.directoryOf(u)
	if err != nil {
		return "", err
	}
	if _, keeps := d.(ports.LocalPasswordStore); keeps && u.Password == nil {
		return "", fault.ErrConflict.About("status", "the user has no password yet: they activate themselves by mail")
	}
	if access.HoldsRights(e.catalog, u) { // activation restores the permissions
		if err := e.service.checkRecent(e.catalog, e.by); err != nil {
			return "", err
		}
	}
	u.Activate()
	return domain.ActionUserActivate, nil
}
