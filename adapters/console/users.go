package console

import (
	"context"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
)

// The operations on users. A user is named by id, username or e-mail address.
var (
	UserCreate        = Define[NewUser, User]("user.create")
	UserList          = Define[UserFilter, UserPage]("user.list")
	UserShow          = Define[UserName, User]("user.show")
	UserDeactivate    = Define[UserName, User]("user.deactivate")
	UserUnlock        = Define[UserName, User]("user.unlock")
	UserFactorDisable = Define[UserName, User]("user.factor.disable")
	UserUnlink        = Define[UserName, User]("user.unlink")
	UserPasswordSet   = Define[NewPassword, User]("user.password.set")
	UserPasswordReset = Define[UserName, Link]("user.password.reset")
)

// NewUser is a user to make. Without a password they get an activation mail.
type NewUser struct {
	Username    string   `json:"username"`
	Email       string   `json:"email"`
	FullName    string   `json:"full_name,omitempty"`
	PhoneNumber string   `json:"phone_number,omitempty"`
	Role        string   `json:"role,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	Directory   string   `json:"directory,omitempty"`
	Password    string   `json:"password,omitempty"`
}

// UserFilter narrows the list of users.
type UserFilter struct {
	Search string `json:"search,omitempty"`
	Role   string `json:"role,omitempty"`
	Group  string `json:"group,omitempty"`
	Status string `json:"status,omitempty"`
	Sort   string `json:"sort,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	Cursor string `json:"cursor,omitempty"`
}

// UserPage is one page of users. NextCursor is empty on the last.
type UserPage struct {
	Users          []User `json:"users"`
	Total          int64  `json:"total"`
	TotalEstimated bool   `json:"total_estimated,omitempty"`
	NextCursor     string `json:"next_cursor,omitempty"`
}

// UserName names a user.
type UserName struct {
	Name string `json:"name"`
}

// NewPassword is a password to set; Current, where it is given, must be right.
type NewPassword struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Current  string `json:"current,omitempty"`
}

// Link is a one-time link to hand on.
type Link struct {
	User      User      `json:"user"`
	URL       string    `json:"url"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// User is a user as the operator sees them.
type User struct {
	ID          string     `json:"user_id"`
	Username    string     `json:"username"`
	Email       string     `json:"email,omitempty"`
	FullName    string     `json:"full_name,omitempty"`
	PhoneNumber string     `json:"phone_number,omitempty"`
	Role        string     `json:"role"`
	Groups      []string   `json:"groups,omitempty"`
	Status      string     `json:"status"`
	Directory   string     `json:"directory"`
	TwoFactor   bool       `json:"two_factor_enabled"`
	Sessions    int        `json:"sessions"` // live ones
	CreatedAt   time.Time  `json:"created_at"`
	LastLogin   *time.Time `json:"last_login"`
}

func userOf(p account.Profile) User {
	u := User{
		ID: string(p.ID), Username: p.Username, Email: p.Email, FullName: p.FullName, PhoneNumber: p.PhoneNumber,
		Role: string(p.Role), Groups: p.GroupNames, Status: string(p.Status), Directory: string(p.Directory),
		TwoFactor: p.Factor.IsOn(), Sessions: len(p.Sessions), CreatedAt: p.CreatedAt,
	}
	if !p.LastLogin.IsZero() {
		u.LastLogin = &p.LastLogin
	}
	return u
}

type users struct {
	accounts  *account.Service
	factors   *factor.Service
	publicURL string
}

func userOperations(u users) []Handler {
	return []Handler{
		UserCreate.Handle(u.create), UserList.Handle(u.list), UserShow.Handle(u.show), UserDeactivate.Handle(u.deactivate),
		UserUnlock.Handle(u.unlock), UserFactorDisable.Handle(u.disableFactor), UserUnlink.Handle(u.unlink), UserPasswordSet.Handle(u.setPassword), UserPasswordReset.Handle(u.resetPassword),
	}
}

func (u users) create(ctx context.Context, call Call, in NewUser) (User, error) {
	made, err := u.accounts.Create(ctx, call.By, account.NewUser{
		Username: in.Username, Email: in.Email, FullName: in.FullName, PhoneNumber: in.PhoneNumber, Role: in.Role,
		Groups: in.Groups, Directory: domain.DirectoryID(in.Directory), Password: in.Password,
	})
	return userOf(made), err
}

func (u users) list(ctx context.Context, call Call, in UserFilter) (UserPage, error) {
	filter := account.Filter{
		Search: in.Search, Role: in.Role, Group: in.Group, Status: in.Status, Sort: domain.UserSort(in.Sort),
		Page: domain.Page{Number: 1, Limit: in.Limit},
	}
	if filter.Sort == "" {
		filter.Sort = domain.SortUsername
	}
	if filter.Page.Limit == 0 {
		filter.Page.Limit = domain.DefaultPageLimit
	}
	if in.Cursor != "" {
		after, err := domain.ParseCursor(in.Cursor, string(filter.Sort))
		if err != nil {
			return UserPage{}, err
		}
		filter.Page.After = after
	}
	found, err := u.accounts.List(ctx, call.By, filter)
	if err != nil {
		return UserPage{}, err
	}
	page := UserPage{Users: []User{}, Total: found.Total, TotalEstimated: found.TotalEstimated}
	for _, user := range found.Users {
		page.Users = append(page.Users, userOf(account.Profile{User: user}))
	}
	if found.Next != nil {
		page.NextCursor = found.Next.Encode()
	}
	return page, nil
}

func (u users) show(ctx context.Context, call Call, in UserName) (User, error) {
	found, err := u.accounts.Find(ctx, call.By, in.Name)
	return userOf(found), err
}

func (u users) deactivate(ctx context.Context, call Call, in UserName) (User, error) {
	return u.then(ctx, call, in.Name, func(found account.Profile) error {
		_, err := u.accounts.Deactivate(ctx, call.By, found.ID)
		return err
	})
}

func (u users) unlock(ctx context.Context, call Call, in UserName) (User, error) {
	return u.then(ctx, call, in.Name, func(found account.Profile) error {
		return u.accounts.Unlock(ctx, call.By, found.ID)
	})
}

func (u users) unlink(ctx context.Context, call Call, in UserName) (User, error) {
	return u.then(ctx, call, in.Name, func(found account.Profile) error {
		_, err := u.accounts.Unlink(ctx, call.By, found.ID, string(found.Directory))
		return err
	})
}

// disableFactor is the way back for who has lost everything: it works also while the role requires a factor.
func (u users) disableFactor(ctx context.Context, call Call, in UserName) (User, error) {
	return u.then(ctx, call, in.Name, func(found account.Profile) error {
		return u.factors.Disable(ctx, call.By, found.ID, factor.Proof{})
	})
}

func (u users) setPassword(ctx context.Context, call Call, in NewPassword) (User, error) {
	return u.then(ctx, call, in.Name, func(found account.Profile) error {
		if in.Current != "" {
			if err := u.accounts.ProvePassword(ctx, call.By, &found.User, in.Current); err != nil {
				return err
			}
		}
		return u.accounts.SetPassword(ctx, call.By, found.ID, in.Password)
	})
}

func (u users) resetPassword(ctx context.Context, call Call, in UserName) (Link, error) {
	found, err := u.accounts.Find(ctx, call.By, in.Name)
	if err != nil {
		return Link{}, err
	}
	token, expires, err := u.accounts.ResetLink(ctx, call.By, found.ID)
	if err != nil {
		return Link{}, err
	}
	return Link{
		User: userOf(found), Token: token, ExpiresAt: expires,
		URL: u.publicURL + "/reset?token=" + url.QueryEscape(token), // as in the mails of core/notify
	}, nil
}

// then does something to the named user and returns them as they are afterwards.
func (u users) then(ctx context.Context, call Call, name string, do func(account.Profile) error) (User, error) {
	found, err := u.accounts.Find(ctx, call.By, name)
	if err != nil {
		return User{}, err
	}
	if err := do(found); err != nil {
		return User{}, err
	}
	after, err := u.accounts.Get(ctx, call.By, found.ID)
	return userOf(after), err
}
