package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
)

func (a *api) groupRoutes() []httpserver.Route {
	manages := httpserver.Requires(domain.GroupsManage)
	readsUsers := httpserver.Requires(domain.UsersRead)
	reads := readsUsers.Or(domain.GroupsManage)
	// for principals who may neither read users nor manage groups, groups do not exist
	seen := func(who httpserver.Access) httpserver.Access {
		return who.Hidden(domain.ErrGroupNotFound, "", domain.UsersRead, domain.GroupsManage)
	}
	return []httpserver.Route{
		route(http.MethodGet, "/groups", reads, a.listGroups),
		route(http.MethodPost, "/groups", manages, a.creates(httpserver.BindBody(a.createGroup))),
		route(http.MethodGet, "/groups/{group_id}", seen(reads), a.getGroup),
		route(http.MethodPatch, "/groups/{group_id}", seen(manages), httpserver.BindBody(a.updateGroup)),
		route(http.MethodDelete, "/groups/{group_id}", seen(manages), a.deleteGroup),
		route(http.MethodGet, "/groups/{group_id}/members", seen(readsUsers), a.listMembers),
		route(http.MethodPost, "/groups/{group_id}/members", seen(manages), httpserver.BindBody(a.addMember)),
		route(http.MethodDelete, "/groups/{group_id}/members/{user_id}", seen(manages), a.removeMember),
	}
}

func groupOf(g domain.Group) Group {
	group := Group{
		GroupID: string(g.ID), Name: g.Name, Description: g.Description, Permissions: texts(g.Permissions),
		CreatedAt: httpserver.Seconds(g.CreatedAt),
	}
	if !g.UpdatedAt.IsZero() {
		group.UpdatedAt = new(httpserver.Seconds(g.UpdatedAt))
	}
	return group
}

func (a *api) listGroups(r *httpserver.Request) error {
	at, err := pageOf(r, domain.SortNames)
	if err != nil {
		return err
	}
	page, err := a.Access.ListGroups(r.Context(), r.Principal, at)
	return r.Reply(GroupList{
		Groups: each(page.Groups, groupOf), Total: page.Total, Page: at.Number, Limit: at.Limit,
		NextCursor: cursorOrNull(page.Next),
	}, err)
}

func (a *api) createGroup(r *httpserver.Request, in CreateGroupRequest) error {
	group, err := a.Access.CreateGroup(r.Context(), r.Principal, access.GroupInput{
		Name: in.Name, Description: or(in.Description), Permissions: or(in.Permissions),
	})
	return r.Created(Base+"/groups/"+string(group.ID), groupOf(group), err)
}

func (a *api) getGroup(r *httpserver.Request) error {
	group, err := a.Access.Group(r.Context(), r.Principal, r.Param("group_id"))
	return r.Reply(groupOf(group), err)
}

func (a *api) updateGroup(r *httpserver.Request, in UpdateGroupRequest) error {
	group, err := a.Access.UpdateGroup(r.Context(), r.Principal, r.Param("group_id"), access.GroupPatch{
		Name: in.Name, Description: cleared(in.Description), Permissions: in.Permissions,
	})
	return r.Reply(groupOf(group), err)
}

func (a *api) deleteGroup(r *httpserver.Request) error {
	group, err := a.Access.DeleteGroup(r.Context(), r.Principal, r.Param("group_id"))
	return r.Reply(DeletedGroup{GroupID: string(group.ID), Status: "deleted"}, err)
}

func (a *api) listMembers(r *httpserver.Request) error {
	page, err := pageOf(r, string(domain.SortCreatedDesc))
	if err != nil {
		return err
	}
	users, err := a.Account.Members(r.Context(), r.Principal, r.Param("group_id"), page)
	return a.replyRead(r, "users", usersOf(users, page), err)
}

func (a *api) addMember(r *httpserver.Request, in AddMemberRequest) error {
	if err := required(map[string]string{"user_id": in.UserID}); err != nil {
		return err
	}
	group, err := a.Access.AddMember(r.Context(), r.Principal, r.Param("group_id"), in.UserID)
	return r.Reply(Membership{GroupID: string(group.ID), UserID: in.UserID, Status: "member"}, err)
}

func (a *api) removeMember(r *httpserver.Request) error {
	user := r.Param("user_id")
	group, err := a.Access.RemoveMember(r.Context(), r.Principal, r.Param("group_id"), user)
	return r.Reply(Membership{GroupID: string(group.ID), UserID: user, Status: "removed"}, err)
}
