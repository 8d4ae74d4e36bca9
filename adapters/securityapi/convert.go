package securityapi

import (
	"encoding/json"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
)

// userOf returns a user as the API shows it.
func userOf(p account.Profile) User {
	metadata := p.Metadata
	if len(metadata) == 0 {
		metadata = json.RawMessage("{}")
	}
	return User{
		UserID: string(p.ID), Username: p.Username, Email: p.Email, FullName: p.FullName, Role: string(p.Role),
		Groups: p.GroupNames, Status: UserStatus(p.Status), Directory: string(p.Directory),
		CreatedAt: httpserver.Seconds(p.CreatedAt), UpdatedAt: httpserver.Seconds(p.UpdatedAt),
		LastLogin:     timeOrNull(p.LastLogin),
		EmailVerified: p.EmailVerified, TwoFactorEnabled: p.Factor.IsOn(), PhoneNumber: textOrNull(p.PhoneNumber),
		Metadata:    metadata,
		LockedUntil: timeOrNull(p.LockedUntil),
	}
}

// usersOf returns one page of users as the API shows it.
func usersOf(page account.UserPage, at domain.Page) UserList {
	list := UserList{
		Users: make([]UserSummary, 0, len(page.Users)), Total: page.Total, TotalEstimated: orAbsent(page.TotalEstimated),
		Page: at.Number, Limit: at.Limit, NextCursor: cursorOrNull(page.Next),
	}
	for i := range page.Users {
		u := &page.Users[i]
		list.Users = append(list.Users, UserSummary{
			UserID: string(u.ID), Username: u.Username, Email: u.Email, FullName: u.FullName, Role: string(u.Role),
			Status:    UserStatus(u.Status),
			Directory: string(u.Directory), CreatedAt: httpserver.Seconds(u.CreatedAt), LastLogin: timeOrNull(u.LastLogin),
			TwoFactorEnabled: u.Factor.IsOn(), LockedUntil: timeOrNull(page.LockedUntil[u.ID]),
		})
	}
	return list
}

// each returns the items as the API shows them, an empty list for none.
func each[T, U any](items []T, shown func(T) U) []U {
	result := make([]U, 0, len(items))
	for _, item := range items {
		result = append(result, shown(item))
	}
	return result
}

// texts returns values of any text type as plain text, an empty list for none.
func texts[T ~string](values []T) []string {
	return each(values, func(v T) string { return string(v) })
}

func grantOf(g domain.Grant) Grant { return Grant{Source: g.Source, Permission: string(g.Permission)} }

func textOrNull(s string) nullable.Nullable[string] {
	if s == "" {
		return nullable.Null[string]()
	}
	return nullable.Of(s)
}

func timeOrNull(t time.Time) nullable.Nullable[time.Time] {
	if t.IsZero() {
		return nullable.Null[time.Time]()
	}
	return nullable.Of(httpserver.Seconds(t))
}

// pageOf reads which part of a list is asked for, when page and cursor are the only parameters of the call.
func pageOf(r *httpserver.Request, sort string) (domain.Page, error) {
	q, err := r.Query()
	if err != nil {
		return domain.Page{}, err
	}
	return q.Page(sort)
}

func cursorOrNull(c *domain.Cursor) nullable.Nullable[string] {
	if c == nil {
		return nullable.Null[string]()
	}
	return nullable.Of(c.Encode())
}

// orAbsent returns a pointer to a value, or nil for the type's zero value.
func orAbsent[T comparable](value T) *T {
	var none T
	if value == none {
		return nil
	}
	return &value
}

// or returns what p points to, or the type's zero value.
func or[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// cleared turns a member of a merge patch into a change: absent is none, null clears.
func cleared(v nullable.Nullable[string]) *string {
	if !v.IsSpecified() {
		return nil
	}
	text, _ := v.Get() // empty for null
	return &text
}

// personPatch returns the texts that a merge patch gives; null clears.
func personPatch(members map[string]nullable.Nullable[string]) domain.PersonPatch {
	patch := domain.PersonPatch{}
	for name, member := range members {
		if text := cleared(member); text != nil {
			patch[name] = *text
		}
	}
	return patch
}
