package securityapi

import (
	"context"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
)

// ofUser makes a check of a service's question about the user of the path.
func ofUser(may func(context.Context, domain.Principal, domain.UserID) error) httpserver.Handler {
	return userID.Bind(func(r *httpserver.Request, id domain.UserID) error { return may(r.Context(), r.Principal, id) })
}

// reads makes a check of a service's read of the user of the path.
func reads[T any](read func(context.Context, domain.Principal, domain.UserID) (T, error)) httpserver.Handler {
	return ofUser(func(ctx context.Context, by domain.Principal, id domain.UserID) error {
		_, err := read(ctx, by, id)
		return err
	})
}

// checks are the refusals of those routes on which the service decides who may: see httpserver.Route.
func (a *api) checks() map[string]httpserver.Handler {
	return map[string]httpserver.Handler{
		"GET /users/{user_id}":          reads(a.Account.Get),
		"PATCH /users/{user_id}":        ofUser(a.Account.MayUpdate),
		"DELETE /users/{user_id}":       ofUser(a.Account.MayUpdate),
		"POST /users/{user_id}/unlock":  ofUser(a.Account.MayUpdate),
		"PUT /users/{user_id}/password": ofUser(a.Account.MayUpdate),

		"GET /users/{user_id}/identities":                  reads(a.Account.Get),
		"DELETE /users/{user_id}/identities/{identity_id}": ofUser(a.Account.MayUpdate),
		"POST /users/{user_id}/password-reset-link":        ofUser(a.Account.MayUpdate),

		"POST /users/{user_id}/roles":    ofUser(a.Account.MayUpdate),
		"POST /users/{user_id}/password": ofUser(a.Account.MayChangePassword),

		"GET /users/{user_id}/permissions":              reads(a.Access.Effective),
		"GET /users/{user_id}/permissions/{permission}": reads(a.Access.Effective),
		"POST /permissions/check":                       a.mayCheckPermissions,

		"GET /users/{user_id}/sessions":             ofUser(a.Auth.MayList),
		"POST /users/{user_id}/sessions/revoke-all": ofUser(a.Auth.MayRevokeAll),
		"DELETE /sessions/{session_id}":             sessionID.Bind(a.mayRevokeSession),

		"GET /auth/verify":       a.mayVerify,
		"POST /auth/logout":      a.mayLogout,
		"POST /auth/oidc/logout": a.mayLogout,
		"POST /auth/step-up":     func(r *httpserver.Request) error { return a.Auth.MayStepUp(r.Principal) },
		"GET /audit/logs":        a.mayListLogs,

		"GET /users/{user_id}/api-keys":     ofUser(a.Keys.MayList),
		"POST /users/{user_id}/api-keys":    ofUser(a.Keys.MayCreate),
		"GET /api-keys/{key_id}":            keyID.Bind(a.mayReadKey),
		"DELETE /api-keys/{key_id}":         keyID.Bind(a.mayRevokeKey),
		"POST /users/{user_id}/2fa/enable":  ofUser(a.Factor.MayEnroll),
		"POST /users/{user_id}/2fa/verify":  ofUser(a.Factor.MayEnroll),
		"POST /users/{user_id}/2fa/disable": ofUser(a.Factor.MayDisable),
	}
}

func (a *api) mayCheckPermissions(r *httpserver.Request) error {
	var in CheckPermissionsRequest
	if err := r.Decode(&in); err != nil || in.UserID == nil {
		return nil //nolint:nilerr // the body is refused by itself
	}
	id, err := domain.ParseUserID(*in.UserID)
	if err != nil {
		return domain.ErrUserNotFound
	}
	_, err = a.Access.Effective(r.Context(), r.Principal, id)
	return err
}

func (a *api) mayRevokeSession(r *httpserver.Request, id domain.SessionID) error {
	return a.Auth.MayRevoke(r.Context(), r.Principal, id)
}

func (a *api) mayReadKey(r *httpserver.Request, id domain.KeyID) error {
	_, err := a.Keys.Get(r.Context(), r.Principal, id)
	return err
}

func (a *api) mayRevokeKey(r *httpserver.Request, id domain.KeyID) error {
	return a.Keys.MayRevoke(r.Context(), r.Principal, id)
}

func (a *api) mayListLogs(r *httpserver.Request) error {
	q, err := r.Query()
	if err != nil {
		return a.Audit.MayList(r.Principal, "")
	}
	users := q.All("user_id")
	if len(users) != 1 {
		users = []string{""}
	}
	return a.Audit.MayList(r.Principal, users[0])
}

func (a *api) mayVerify(r *httpserver.Request) error {
	_, err := a.verified(r)
	return err
}

func (a *api) mayLogout(r *httpserver.Request) error {
	bearer, err := r.Credential()
	if err != nil {
		return err
	}
	return a.Auth.MayLogout(r.Context(), r.Principal, bearer)
}
