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
		route(http.MethodPost, "/users/{user_id}/sessions/revoke-all", httpserver.SignedIn(), userID.Bind(a.revokeAll)),
	}
}

func (a *api) listSessions(r *httpserver.Request, id domain.UserID) error {
	at, err := pageOf(r, domain.SortSessions)
	if err != nil {
		return err
	}
	page, err := a.Auth.List(r.Context(), r.Principal, id, at)
	if err != nil {
		return err
	}
	if err := a.noteRead(r, string(id)); err != nil {
		return err
	}
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
	return r.JSON(http.StatusOK, list)
}

func (a *api) revokeSession(r *httpserver.Request, id domain.SessionID) error {
	at, err := a.Auth.Revoke(r.Context(), r.Principal, id)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, RevokedSession{SessionID: string(id), Status: "revoked",
		RevokedAt: httpserver.Seconds(at)})
}

func (a *api) revokeAll(r *httpserver.Request, id domain.UserID) error {
	var in RevokeAllRequest
	if err := r.DecodeOptional(&in); err != nil {
		return err
	}
	n, err := a.Auth.RevokeAll(r.Context(), r.Principal, id, or(in.ExceptCurrent))
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, RevokedCount{Revoked: n})
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
