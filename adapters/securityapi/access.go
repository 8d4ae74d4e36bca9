package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func (a *api) accessRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodGet, "/roles", httpserver.SignedIn(), a.listRoles),
		route(http.MethodPost, "/roles", httpserver.Requires(domain.RolesManage),
			a.creates(httpserver.BindBody(a.createRole))),
		route(http.MethodGet, "/roles/{role_id}", httpserver.SignedIn(), a.getRole),
		route(http.MethodPatch, "/roles/{role_id}", httpserver.Requires(domain.RolesManage),
			httpserver.BindBody(a.updateRole)),
		route(http.MethodDelete, "/roles/{role_id}", httpserver.Requires(domain.RolesManage), a.deleteRole),
		route(http.MethodPost, "/roles/{role_id}/repair", httpserver.Requires(domain.SystemConfigure),
			httpserver.BindOptional(a.repairRole)),
		route(http.MethodPost, "/users/{user_id}/roles", managesUsers(), httpserver.BindBoth(userID, a.assignRole)),
		route(http.MethodGet, "/users/{user_id}/permissions", httpserver.SignedIn(), userID.Bind(a.listPermissions)),
		route(http.MethodGet, "/users/{user_id}/permissions/{permission}", httpserver.SignedIn(),
			userID.Bind(a.checkPermission)),
		route(http.MethodPost, "/permissions/check", httpserver.SignedIn(), httpserver.BindBody(a.checkPermissions)),
	}
}

func roleOf(role domain.Role) Role {
	return Role{
		RoleID: string(role.ID), Name: role.Name, Permissions: texts(role.Permissions), Level: role.Level,
		BuiltIn: role.BuiltIn,
	}
}

func (a *api) listRoles(r *httpserver.Request) error {
	at, err := pageOf(r, domain.SortRoles)
	if err != nil {
		return err
	}
	page, err := a.Access.ListRoles(r.Context(), r.Principal, at)
	return r.Reply(RoleList{
		Roles: each(page.Roles, roleOf), Total: page.Total, Page: at.Number, Limit: at.Limit,
		NextCursor: cursorOrNull(page.Next),
	}, err)
}

func (a *api) getRole(r *httpserver.Request) error {
	role, err := a.Access.Role(r.Context(), r.Principal, r.Param("role_id"))
	return r.Reply(roleOf(role), err)
}

func (a *api) createRole(r *httpserver.Request, in CreateRoleRequest) error {
	if in.Permissions == nil {
		return fault.ErrInvalid.About("permissions", "is required")
	}
	role, err := a.Access.CreateRole(r.Context(), r.Principal,
		access.RoleInput{ID: in.RoleID, Name: in.Name, Permissions: in.Permissions, Level: in.Level})
	return r.Created(Base+"/roles/"+string(role.ID), roleOf(role), err)
}

func (a *api) updateRole(r *httpserver.Request, in UpdateRoleRequest) error {
	role, err := a.Access.UpdateRole(r.Context(), r.Principal, r.Param("role_id"),
		access.RolePatch{Name: in.Name, Permissions: in.Permissions, Level: in.Level})
	return r.Reply(roleOf(role), err)
}

func (a *api) deleteRole(r *httpserver.Request) error {
	id := r.Param("role_id")
	err := a.Access.DeleteRole(r.Context(), r.Principal, id)
	return r.Reply(DeletedRole{RoleID: id, Status: "deleted"}, err)
}

func (a *api) repairRole(r *httpserver.Request, _ struct{}) error {
	repaired, err := a.Access.RepairRoles(r.Context(), r.Principal, r.Param("role_id"))
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, RepairedRole{Role: roleOf(repaired[0].Role), Changed: repaired[0].Changed})
}

func (a *api) assignRole(r *httpserver.Request, id domain.UserID, in AssignRoleRequest) error {
	if err := required(map[string]string{"role_id": in.RoleID}); err != nil {
		return err
	}
	user, err := a.Account.Update(r.Context(), r.Principal, id, account.Patch{Role: &in.RoleID})
	if err != nil {
		return renamed(err, "role", "role_id")
	}
	return r.JSON(http.StatusOK, userOf(user))
}

func (a *api) listPermissions(r *httpserver.Request, id domain.UserID) error {
	held, err := a.Access.Effective(r.Context(), r.Principal, id)
	list := each(held.Grants, grantOf)
	for _, g := range held.Grants.Implied() {
		list = append(list, Grant{Source: g.Source, Permission: string(g.Permission), ImpliedBy: orAbsent(string(g.By))})
	}
	answer := PermissionList{UserID: string(id), Permissions: list, Reason: orAbsent(string(held.Reason))}
	return a.replyRead(r, string(id), answer, err)
}

func (a *api) checkPermission(r *httpserver.Request, id domain.UserID) error {
	q, err := r.Query()
	if err != nil {
		return err
	}
	explain, err := q.Bool("explain")
	if err != nil {
		return err
	}
	var found access.Explanation
	if explain {
		found, err = a.Access.Explain(r.Context(), r.Principal, id, r.Param("permission"))
	} else {
		found.Decision, err = a.Access.Check(r.Context(), r.Principal, id, r.Param("permission"))
	}
	if err != nil {
		return err
	}
	answer := PermissionCheck{
		UserID: string(id), Permission: string(found.Permission), Granted: found.Granted, Source: textOrNull(found.Source),
		Reason: orAbsent(string(found.Reason)),
	}
	if !explain {
		return r.Raw(http.StatusOK, "application/json; charset=utf-8", appendPermissionCheck(make([]byte, 0, 256), answer))
	}
	answer.Grants = new(each(found.Grants, grantOf))
	if !found.Granted {
		answer.WouldBeGrantedBy = &found.WouldBeGrantedBy
	}
	return r.JSON(http.StatusOK, answer)
}

func (a *api) checkPermissions(r *httpserver.Request, in CheckPermissionsRequest) error {
	id := r.Principal.UserID
	if in.UserID != nil {
		id = domain.UserID(*in.UserID)
	}
	decisions, err := a.Access.CheckAll(r.Context(), r.Principal, id, in.Permissions)
	if err != nil {
		return err
	}
	answer := PermissionResults{UserID: string(id), Results: each(decisions, func(d access.Decision) PermissionResult {
		return PermissionResult{
			Permission: string(d.Permission), Granted: d.Granted, Source: textOrNull(d.Source),
			Reason: orAbsent(string(d.Reason)),
		}
	})}
	return r.JSON(http.StatusOK, answer)
}

// renamed names a field of the refusal as this call does.
func renamed(err error, from, to string) error {
	f := fault.Of(err)
	if !f.Is(fault.ErrInvalid) {
		return err
	}
	again := fault.ErrInvalid
	for _, d := range f.Details() {
		if d.Field == from {
			d.Field = to
		}
		again = again.About(d.Field, d.Reason)
	}
	return again
}
