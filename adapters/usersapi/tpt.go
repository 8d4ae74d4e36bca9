package usersapi

import (
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/core/tpt"
)

type tptAnswer struct {
	Token     string `json:"token"`
	Role      string `json:"role"`
	CreatedOn string `json:"created_on"`
	Message   string `json:"message"`
}

// tptRecord is a third-party token in the list; the token itself is not kept.
type tptRecord struct {
	ID        string     `json:"jti"`
	Role      string     `json:"role"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

var errSudoOnly = rolepolicy.ErrDenied.Saying("Access denied. Required roles: ['sudo']")

func (a *api) createTPT(r *httpserver.Request) error {
	body, err := readBody(r, map[string]string{"role_name": "Role name to embed in the JWT token"})
	if err != nil {
		return err
	}
	var role string
	if err := body.text("role_name", &role); err != nil {
		return err
	}
	if err := tpt.RequireSuperuser(r.Principal); err != nil {
		return sudoOnly(err)
	}
	made, err := a.TPT.Create(r.Context(), r.Principal, domain.RoleID(strings.ToLower(strings.TrimSpace(role))))
	if errors.Is(err, domain.ErrRoleNotFound) {
		return rolepolicy.ErrRefused.Saying("Role " + role + " not found")
	}
	return r.Reply(tptAnswer{
		Token: made.Text, Role: string(made.Role), CreatedOn: made.CreatedAt.UTC().Format(time.DateTime),
		Message: "Third Party Token created successfully",
	}, sudoOnly(err))
}

func sudoOnly(err error) error {
	if errors.Is(err, fault.ErrForbidden) {
		return errSudoOnly
	}
	return err
}

func (a *api) listTPT(r *httpserver.Request) error {
	if err := tpt.RequireSuperuser(r.Principal); err != nil {
		return sudoOnly(err)
	}
	all, err := a.TPT.List(r.Context(), r.Principal)
	answer := make([]tptRecord, len(all))
	for i, t := range all {
		answer[i] = recordOf(t)
	}
	return r.Reply(answer, sudoOnly(err))
}

func (a *api) revokeTPT(r *httpserver.Request) error {
	if err := tpt.RequireSuperuser(r.Principal); err != nil {
		return sudoOnly(err)
	}
	token, err := a.TPT.Revoke(r.Context(), r.Principal, r.Param("jti"))
	if errors.Is(err, domain.ErrTokenNotFound) {
		return domain.ErrTokenNotFound.Saying("Token " + r.Param("jti") + " not found")
	}
	return r.Reply(recordOf(token), sudoOnly(err))
}

func recordOf(t domain.ThirdPartyToken) tptRecord {
	return tptRecord{
		ID: t.ID, Role: string(t.Role), CreatedBy: string(t.CreatedBy), CreatedAt: httpserver.Seconds(t.CreatedAt),
		ExpiresAt: moment(t.ExpiresAt), RevokedAt: moment(t.RevokedAt),
	}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(httpserver.Seconds(t))
}
