package usersapi

import (
	"github.com/ostiary/ostiary/adapters/httpserver"
)

func (a *api) roles(r *httpserver.Request) error {
	all, err := a.RolePolicy.Roles(r.Context(), r.Principal)
	answer := make([]roleAnswer, len(all))
	for i, role := range all {
		answer[i] = roleOf(role)
	}
	return r.Reply(answer, err)
}

func (a *api) addRole(r *httpserver.Request) error {
	body, err := readBody(r, map[string]string{"name": "Role name", "level": "Role level, 0 maximum level"})
	if err != nil {
		return err
	}
	var name string
	if err := body.text("name", &name); err != nil {
		return err
	}
	level, err := body.number("level")
	if err != nil {
		return err
	}
	role, err := a.RolePolicy.AddRole(r.Context(), r.Principal, name, level)
	return r.Reply(roleOf(role), err)
}

func (a *api) updateRole(r *httpserver.Request) error {
	body, err := readBody(r, map[string]string{
		"target_username": "Username whose role will be updated", "new_role_name": "New role name to assign",
	})
	if err != nil {
		return err
	}
	var target, role string
	if err := body.texts(map[string]*string{"target_username": &target, "new_role_name": &role}); err != nil {
		return err
	}
	err = a.RolePolicy.UpdateRole(r.Context(), r.Principal, target, role)
	return r.Reply(messageAnswer{"Role updated successfully"}, err)
}
