package usersapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

type roleAnswer struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Level      int    `json:"level"`
}

type userAnswer struct {
	Identifier string     `json:"identifier"`
	Username   string     `json:"username"`
	Role       roleAnswer `json:"role"`
	Email      string     `json:"email"`
	Name       *string    `json:"name"`
	Lastname   *string    `json:"lastname"`
}

func roleOf(role domain.Role) roleAnswer {
	return roleAnswer{Identifier: role.Identifier, Name: string(role.ID), Level: role.Level}
}

func userOf(m rolepolicy.Member) userAnswer {
	given, family := m.Names()
	return userAnswer{
		Identifier: m.Identifier, Username: m.Username, Role: roleOf(m.Role), Email: m.Email, Name: orNull(given),
		Lastname: orNull(family),
	}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type pageAnswer struct {
	Data       []userAnswer `json:"data"`
	Pagination pagination   `json:"pagination"`
}

type pagination struct {
	Page         int   `json:"page"`
	Limit        int   `json:"limit"`
	TotalRecords int64 `json:"total_records"`
	TotalPages   int64 `json:"total_pages"`
}

// list responds with one page if one is requested, or else with all users, as a bare array that is streamed.
func (a *api) list(r *httpserver.Request) error {
	q, err := r.Query()
	if err != nil {
		return err
	}
	if !q.Has("page") && !q.Has("limit") {
		return a.stream(r)
	}
	page, err := whole(q, "page", 1, "Page number must be greater than 0")
	if err != nil {
		return err
	}
	limit, err := whole(q, "limit", domain.DefaultPageLimit, "Limit must be greater than 0")
	if err != nil {
		return err
	}
	limit = min(limit, domain.Limits.UsersAPIPageSize.Max)
	found, err := a.RolePolicy.List(r.Context(), r.Principal, page, limit)
	if err != nil {
		return err
	}
	answer := pageAnswer{Data: make([]userAnswer, len(found.Members)), Pagination: pagination{
		Page: page, Limit: limit, TotalRecords: found.Total, TotalPages: (found.Total + int64(limit) - 1) / int64(limit),
	}}
	for i, m := range found.Members {
		answer.Data[i] = userOf(m)
	}
	return r.JSON(http.StatusOK, answer)
}

func whole(q httpserver.Query, name string, byDefault int, refusal string) (int, error) {
	if !q.Has(name) {
		return byDefault, nil
	}
	text, err := q.One(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) || n < 1 {
		return 0, fault.ErrInvalid.Saying(refusal)
	}
	return int(n), nil // beyond any number of users it is the largest of 32 bits
}

func (a *api) stream(r *httpserver.Request) error {
	if err := a.RolePolicy.CheckList(r.Principal); err != nil {
		return err
	}
	by := r.Principal
	return r.Stream("application/json; charset=utf-8", "", func(ctx context.Context, w io.Writer) error {
		separator := "["
		err := a.RolePolicy.Walk(ctx, by, func(m rolepolicy.Member) error {
			raw, err := json.Marshal(userOf(m))
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, separator); err != nil {
				return err
			}
			separator = ","
			_, err = w.Write(raw)
			return err
		})
		if err != nil {
			return err
		}
		end := "]"
		if separator == "[" {
			end = "[]"
		}
		_, err = io.WriteString(w, end)
		return err
	})
}

func (a *api) user(r *httpserver.Request) error {
	member, err := a.RolePolicy.Get(r.Context(), r.Principal, r.Param("username"))
	return r.Reply(userOf(member), err)
}

// signup takes a token where one is sent: with an administrator's, it makes users of other roles.
func (a *api) signup(r *httpserver.Request) error {
	used, err := r.Credential()
	if err != nil {
		return err
	}
	if used != "" {
		if r.Principal, err = a.authenticate(r.Context(), used, r.Origin); err != nil {
			return err
		}
	}
	body, err := readBody(r, map[string]string{
		"username": "Username", "email": "Email address", "password": "Password",
	})
	if err != nil {
		return err
	}
	var in rolepolicy.SignupInput
	if err := body.texts(map[string]*string{
		"username": &in.Username, "email": &in.Email, "password": &in.Password, "role_name": &in.Role, "name": &in.GivenName,
		"lastname": &in.FamilyName,
	}); err != nil {
		return err
	}
	made, err := a.RolePolicy.Signup(r.Context(), r.Principal, in)
	return r.Reply(userOf(made), err)
}
