package securityapi

import (
	"errors"
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/tpt"
)

func (a *api) tokenRoutes() []httpserver.Route {
	manages := httpserver.Requires(domain.TokensManage)
	return []httpserver.Route{
		route(http.MethodGet, "/third-party-tokens", manages, a.listTokens),
		route(http.MethodPost, "/third-party-tokens", manages, a.creates(httpserver.BindBody(a.createToken))),
		route(http.MethodDelete, "/third-party-tokens/{token_id}", manages, a.revokeToken),
		route(http.MethodPost, "/third-party-tokens/verify", manages, httpserver.BindBody(a.verifyToken)),
	}
}

func tokenOf(t domain.ThirdPartyToken) ThirdPartyToken {
	return ThirdPartyToken{
		TokenID: t.ID, Role: string(t.Role), CreatedBy: textOrNull(string(t.CreatedBy)),
		CreatedAt: httpserver.Seconds(t.CreatedAt), ExpiresAt: timeOrNull(t.ExpiresAt), RevokedAt: timeOrNull(t.RevokedAt),
	}
}

func (a *api) listTokens(r *httpserver.Request) error {
	at, err := pageOf(r, tpt.Sort)
	if err != nil {
		return err
	}
	tokens, info, err := a.TPT.ListPage(r.Context(), r.Principal, at)
	return r.Reply(ThirdPartyTokenList{
		Tokens: each(tokens, tokenOf), Total: info.Total, Page: at.Number, Limit: at.Limit,
		NextCursor: cursorOrNull(info.Next),
	}, err)
}

func (a *api) createToken(r *httpserver.Request, in CreateThirdPartyTokenRequest) error {
	if err := required(map[string]string{"role": in.Role}); err != nil {
		return err
	}
	made, err := a.TPT.Create(r.Context(), r.Principal, domain.RoleID(in.Role))
	t := tokenOf(made.ThirdPartyToken)
	return r.Created(Base+"/third-party-tokens/"+made.ID, NewThirdPartyToken{
		TokenID: t.TokenID, Role: t.Role, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
		RevokedAt: t.RevokedAt, Token: made.Text,
	}, err)
}

func (a *api) revokeToken(r *httpserver.Request) error {
	token, err := a.TPT.Revoke(r.Context(), r.Principal, r.Param("token_id"))
	return r.Reply(tokenOf(token), err)
}

func (a *api) verifyToken(r *httpserver.Request, in VerifyThirdPartyTokenRequest) error {
	if err := required(map[string]string{"token": in.Token}); err != nil {
		return err
	}
	token, err := a.TPT.Inspect(r.Context(), r.Principal, in.Token)
	if errors.Is(err, fault.ErrUnauthorized) {
		return r.JSON(http.StatusOK, VerifiedThirdPartyToken{Reason: orAbsent(fault.Of(err).Message)})
	}
	if err != nil {
		return err
	}
	t := tokenOf(token)
	return r.JSON(http.StatusOK, VerifiedThirdPartyToken{Valid: true, Token: &t})
}
