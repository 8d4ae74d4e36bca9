package securityapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// managesUsers marks a route on a user: for principals who may not read users, other users do not exist.
func managesUsers() httpserver.Access {
	return httpserver.Requires(domain.UsersManage).Hidden(domain.ErrUserNotFound, "user_id", domain.UsersRead)
}

func (a *api) userRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodPost, "/users", httpserver.Requires(domain.UsersManage),
			a.creates(httpserver.BindBody(a.createUser))),
		route(http.MethodGet, "/users", httpserver.Requires(domain.UsersRead), a.listUsers),
		route(http.MethodGet, "/users/{user_id}", httpserver.SignedIn(), userID.Bind(a.getUser)),
		route(http.MethodPatch, "/users/{user_id}", httpserver.SignedIn(), httpserver.BindBoth(userID, a.updateUser)),
		route(http.MethodDelete, "/users/{user_id}", managesUsers(), userID.Bind(a.deleteUser)),
		route(http.MethodPost, "/users/{user_id}/unlock", managesUsers(),
			httpserver.BindBothOptional(userID, a.unlockUser)),
		route(http.MethodGet, "/users/{user_id}/identities", httpserver.SignedIn(), userID.Bind(a.listIdentities)),
		route(http.MethodDelete, "/users/{user_id}/identities/{identity_id}", managesUsers(),
			userID.Bind(a.unlinkIdentity)),
		route(http.MethodPost, "/setup", httpserver.Public(), httpserver.BindBody(a.setup)),
	}
}

func (a *api) createUser(r *httpserver.Request, in CreateUserRequest) error {
	// An empty text is no way to leave a member out: who sends an empty password has lost the one they meant to send.
	if err := notEmpty(map[string]*string{
		"role": in.Role, "password": in.Password, "directory": in.Directory,
		"phone_number": in.PhoneNumber,
	}); err != nil {
		return err
	}
	made, err := a.Account.Create(r.Context(), r.Principal, account.NewUser{
		Username: in.Username, Email: in.Email, Role: or(in.Role),
		Person: domain.Person{FullName: or(in.FullName), PhoneNumber: or(in.PhoneNumber)},
		Groups: or(in.Groups), Metadata: or(in.Metadata), Password: or(in.Password),
		Directory: domain.DirectoryID(or(in.Directory)),
	})
	return r.Created(Base+"/users/"+string(made.ID), userOf(made), err)
}

func (a *api) setup(r *httpserver.Request, in SetupRequest) error {
	if err := required(map[string]string{
		"token": in.Token, "username": in.Username, "email": in.Email,
		"password": in.Password,
	}); err != nil {
		return err
	}
	made, err := a.Account.Setup(r.Context(), r.Principal, in.Token, account.NewUser{
		Username: in.Username, Email: in.Email, Person: domain.Person{FullName: or(in.FullName)}, Password: in.Password,
	})
	return r.Created(Base+"/users/"+string(made.ID), userOf(made), err)
}

// userSorts are the orders that a client may ask for.
var userSorts = []domain.UserSort{
	domain.SortCreatedDesc, domain.SortCreated, domain.SortUsername, domain.SortUsernameDesc, domain.SortEmail,
	domain.SortEmailDesc, domain.SortLastLogin, domain.SortLastLoginDesc,
}

func (a *api) listUsers(r *httpserver.Request) error {
	q, err := r.Query()
	if err != nil {
		return err
	}
	filter, err := userFilter(q)
	if err != nil {
		return err
	}
	page, err := a.Account.List(r.Context(), r.Principal, filter)
	return a.replyRead(r, "users", usersOf(page, filter.Page), err)
}

func userFilter(q httpserver.Query) (account.Filter, error) {
	filter := account.Filter{Sort: domain.SortCreatedDesc}
	sort := string(filter.Sort)
	for name, into := range map[string]*string{
		"role": &filter.Role, "group": &filter.Group, "status": &filter.Status, "search": &filter.Search,
		"login": &filter.Login,
		"sort":  &sort,
	} {
		if !q.Has(name) {
			continue
		}
		var err error
		if *into, err = q.One(name); err != nil {
			return account.Filter{}, err
		}
	}
	filter.Sort = domain.UserSort(sort)
	if !slices.Contains(userSorts, filter.Sort) {
		return account.Filter{}, fault.ErrInvalid.About("sort",
			"must be username, email, created_at or last_login, with - before it for descending")
	}
	if q.Has("status") && filter.Status == "" {
		return account.Filter{}, fault.ErrInvalid.About("status", "must be active, inactive or pending")
	}
	if q.Has("login") && filter.Login == "" {
		return account.Filter{}, fault.ErrInvalid.About("login", "must not be empty")
	}
	var err error
	filter.Page, err = q.Page(sort)
	return filter, err
}

func (a *api) getUser(r *httpserver.Request, id domain.UserID) error {
	user, err := a.Account.Get(r.Context(), r.Principal, id)
	return a.replyRead(r, string(id), userOf(user), err)
}

func (a *api) updateUser(r *httpserver.Request, id domain.UserID, in UpdateUserRequest) error {
	patch := account.Patch{
		Person: personPatch(map[string]nullable.Nullable[string]{"full_name": in.FullName, "phone_number": in.PhoneNumber}),
		Email:  in.Email, Role: in.Role, Groups: in.Groups,
		Status: (*string)(in.Status),
	}
	if in.Metadata.IsSpecified() {
		given, _ := in.Metadata.Get() // null clears
		patch.Metadata = metadataPatch(given)
	}
	user, err := a.Account.Update(r.Context(), r.Principal, id, patch)
	return r.Reply(userOf(user), err)
}

func (a *api) deleteUser(r *httpserver.Request, id domain.UserID) error {
	q, err := r.Query()
	if err != nil {
		return err
	}
	purge, err := q.Bool("purge")
	if err != nil {
		return err
	}
	if purge {
		return a.purgeUser(r, id)
	}
	user, err := a.Account.Deactivate(r.Context(), r.Principal, id)
	at := httpserver.Seconds(user.DeactivatedAt)
	return r.Reply(DeletedUser{UserID: string(id), Status: "deactivated", DeactivatedAt: &at}, err)
}

func (a *api) purgeUser(r *httpserver.Request, id domain.UserID) error {
	by := r.Principal
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		at, err := a.Account.Purge(ctx, by, id, entriesOf(lines))
		return DeletedUser{UserID: string(id), Status: "purged", PurgedAt: new(httpserver.Seconds(at))}, err
	})
}

func (a *api) unlockUser(r *httpserver.Request, id domain.UserID, _ struct{}) error {
	err := a.Account.Unlock(r.Context(), r.Principal, id)
	return r.Reply(UserAction{UserID: string(id), Status: "unlocked"}, err)
}
