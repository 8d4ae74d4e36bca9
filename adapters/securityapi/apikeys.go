package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/domain"
)

func (a *api) keyRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodPost, "/users/{user_id}/api-keys", httpserver.SignedIn(),
			a.creates(httpserver.BindBoth(userID, a.createKey))),
		route(http.MethodGet, "/users/{user_id}/api-keys", httpserver.SignedIn(), userID.Bind(a.listKeys)),
		route(http.MethodGet, "/api-keys/{key_id}", httpserver.SignedIn(), keyID.Bind(a.getKey)),
		route(http.MethodDelete, "/api-keys/{key_id}", httpserver.SignedIn(), keyID.Bind(a.revokeKey)),
	}
}

func (a *api) createKey(r *httpserver.Request, id domain.UserID, in CreateAPIKeyRequest) error {
	made, err := a.Keys.Create(r.Context(), r.Principal, id,
		apikey.CreateInput{Name: in.Name, Permissions: in.Permissions, ExpiresAt: or(in.ExpiresAt)})
	r.RateLimit(made.Rate)
	return r.Created(Base+"/api-keys/"+string(made.ID), NewAPIKey{
		KeyID: string(made.ID), APIKey: made.Text, Name: made.Name, Permissions: texts(made.Permissions),
		CreatedAt: httpserver.Seconds(made.CreatedAt), ExpiresAt: timeOrNull(made.ExpiresAt),
	}, err)
}

func (a *api) listKeys(r *httpserver.Request, id domain.UserID) error {
	at, err := pageOf(r, domain.SortKeys)
	if err != nil {
		return err
	}
	page, err := a.Keys.List(r.Context(), r.Principal, id, at)
	list := APIKeyList{
		APIKeys: each(page.Keys, keyOf), Total: page.Total, TotalEstimated: orAbsent(page.TotalEstimated),
		Page: at.Number, Limit: at.Limit, NextCursor: cursorOrNull(page.Next),
	}
	return a.replyRead(r, string(id), list, err)
}

func keyOf(k domain.APIKey) APIKey {
	return APIKey{
		KeyID: string(k.ID), Name: k.Name, Prefix: k.Prefix, Permissions: texts(k.Permissions),
		CreatedAt: httpserver.Seconds(k.CreatedAt), ExpiresAt: timeOrNull(k.ExpiresAt), LastUsedAt: timeOrNull(k.LastUsedAt),
	}
}

func (a *api) getKey(r *httpserver.Request, id domain.KeyID) error {
	key, err := a.Keys.Get(r.Context(), r.Principal, id)
	return a.replyRead(r, string(key.UserID), keyOf(key), err)
}

func (a *api) revokeKey(r *httpserver.Request, id domain.KeyID) error {
	key, err := a.Keys.Revoke(r.Context(), r.Principal, id)
	return r.Reply(RevokedAPIKey{
		KeyID: string(id), Status: "revoked",
		RevokedAt: httpserver.Seconds(key.RevokedAt),
	}, err)
}
