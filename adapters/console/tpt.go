package console

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/tpt"
)

// The operations on third-party tokens of the Users API.
var (
	TPTCreate = Define[TPTRole, TPT]("tpt.create")
	TPTList   = Define[struct{}, []TPT]("tpt.list")
	TPTRevoke = Define[TPTID, TPT]("tpt.revoke")
	TPTVerify = Define[TPTText, TPT]("tpt.verify")
)

// TPTRole names the role of a new token.
type TPTRole struct {
	Role string `json:"role"`
}

// TPTID names a token by its jti.
type TPTID struct {
	ID string `json:"jti"`
}

// TPTText is a token itself.
type TPTText struct {
	Token string `json:"token"`
}

// TPT is a third-party token. Token is there only when it has just been made.
type TPT struct {
	ID        string     `json:"jti"`
	Role      string     `json:"role"`
	CreatedBy string     `json:"created_by,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"` // null: it does not end
	RevokedAt *time.Time `json:"revoked_at"`
	Token     string     `json:"token,omitempty"`
}

func tptOf(t domain.ThirdPartyToken) TPT {
	out := TPT{ID: t.ID, Role: string(t.Role), CreatedBy: string(t.CreatedBy), CreatedAt: t.CreatedAt}
	if !t.ExpiresAt.IsZero() {
		out.ExpiresAt = &t.ExpiresAt
	}
	if !t.RevokedAt.IsZero() {
		out.RevokedAt = &t.RevokedAt
	}
	return out
}

type tpts struct{ service *tpt.Service }

func tptOperations(t tpts) []Handler {
	return []Handler{TPTCreate.Handle(t.create), TPTList.Handle(t.list), TPTRevoke.Handle(t.revoke), TPTVerify.Handle(t.verify)}
}

func (t tpts) create(ctx context.Context, call Call, in TPTRole) (TPT, error) {
	made, err := t.service.Create(ctx, call.By, domain.RoleID(in.Role))
	out := tptOf(made.ThirdPartyToken)
	out.Token = made.Text
	return out, err
}

func (t tpts) list(ctx context.Context, call Call, _ struct{}) ([]TPT, error) {
	all, err := t.service.List(ctx, call.By)
	list := make([]TPT, 0, len(all))
	for _, one := range all {
		list = append(list, tptOf(one))
	}
	return list, err
}

func (t tpts) revoke(ctx context.Context, call Call, in TPTID) (TPT, error) {
	ended, err := t.service.Revoke(ctx, call.By, in.ID)
	return tptOf(ended), err
}

func (t tpts) verify(ctx context.Context, _ Call, in TPTText) (TPT, error) {
	found, err := t.service.Verify(ctx, in.Token)
	return tptOf(found), err
}
