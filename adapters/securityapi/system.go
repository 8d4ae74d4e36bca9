package securityapi

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
)

func (a *api) systemRoutes() []httpserver.Route {
	keys := httpserver.Requires(domain.SystemKeys)
	return []httpserver.Route{
		route(http.MethodGet, "/system/keys", keys, a.listSigningKeys),
		route(http.MethodPost, "/system/keys/rotate", keys, httpserver.BindOptional(a.rotateKey)),
		route(http.MethodPost, "/system/keys/reencrypt", keys, httpserver.BindOptional(a.reencrypt)),
		// Only the operator knows whether a node of an earlier version is running.
		socketOnly(route(http.MethodPost, "/system/verify-cache", httpserver.Requires(domain.SystemConfigure),
			httpserver.BindOptional(a.enableVerifyCache))),
	}
}

func (a *api) listSigningKeys(r *httpserver.Request) error {
	keys, err := a.KeyRotation.SigningKeys(r.Context(), r.Principal)
	return r.Reply(SigningKeyList{SigningKeys: each(keys, signingKeyOf)}, err)
}

func signingKeyOf(k domain.SigningKey) SigningKey {
	return SigningKey{
		KeyID: k.ID, Algorithm: k.Algorithm, State: SigningKeyState(k.State), CreatedAt: httpserver.Seconds(k.CreatedAt),
		RetiresAt: timeOrNull(k.RetiresAt),
	}
}

func (a *api) rotateKey(r *httpserver.Request, _ struct{}) error {
	id, err := a.KeyRotation.Rotate(r.Context(), r.Principal)
	return r.Reply(RotatedKey{KeyID: id}, err)
}

func (a *api) reencrypt(r *httpserver.Request, _ struct{}) error {
	by := r.Principal
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		report, err := a.KeyRotation.Run(ctx, by, func(users int) {
			lines.Progress(httpserver.Progress{Done: int64(users), What: "users"})
		})
		return Reencrypted{Users: report.Users, Sessions: report.Sessions}, err
	})
}

func (a *api) enableVerifyCache(r *httpserver.Request, _ struct{}) error {
	changed, err := a.Settings.EnableVerifyCache(r.Context(), r.Principal)
	return r.Reply(VerifyCache{Changed: changed}, err)
}
