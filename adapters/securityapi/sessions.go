package securityapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
)

func (a *api) sessionRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodGet, "/users/{user_id}/sessions", httpserver.SignedIn(), userID.Bind(a.listSessions)),
		route(http.MethodDelete, "/sessions/{session_id}", httpserver.SignedIn(), sessionID.Bind(a.revokeSession)),
		route(http.MethodPost, "/users/{user_id}/sessions/revoke-all", httpserver.SignedIn(),
			httpserver.BindBothOptional(userID, a.revokeAll)),
	}
}

func (a *api) listSessions(r *httpserver.Request, id domain.UserID) error {
	at, err := pageOf(r, domain.SortSessions)
	if err != nil {
		return err
	}
	page, err := a.Auth.List(r.Context(), r.Principal, id, at)
	list := SessionList{
		Sessions: make([]Session, 0, len(page.Sessions)), Total: page.Total, Page: at.Number, Limit: at.Limit,
		NextCursor: cursorOrNull(page.Next),
	}
	for _, s := range page.Sessions {
		list.Sessions = append(list.Sessions, Session{
			SessionID: string(s.Session.ID), CreatedAt: httpserver.Seconds(s.Session.CreatedAt),
			LastActivity: httpserver.Seconds(s.Session.LastActivity), IPAddress: textOrNull(s.Session.IPAddress),
			UserAgent: textOrNull(s.Session.UserAgent), Location: textOrNull(s.Location), Current: s.Current,
		})
	}
	return a.replyRead(r, string(id), list, err)
}

func (a *api) revokeSession(r *httpserver.Request, id domain.SessionID) error {
	at, err := a.Auth.Revoke(r.Context(), r.Principal, id)
	return r.Reply(RevokedSession{
		SessionID: string(id), Status: "revoked",
		RevokedAt: httpserver.Seconds(at),
	}, err)
}

func (a *api) revokeAll(r *httpserver.Request, id domain.UserID, in RevokeAllRequest) error {
	n, err := a.Auth.RevokeAll(r.Context(), r.Principal, id, or(in.ExceptCurrent))
	return r.Reply(RevokedCount{Revoked: n}, err)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
