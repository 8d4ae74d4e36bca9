package console

import (
	"context"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/keyrotation"
)

// The operations on roles and keys.
var (
	RoleList   = Define[struct{}, []Role]("role.list")
	RoleRepair = Define[RoleNames, []RepairedRole]("role.repair")
	KeyRotate  = Define[struct{}, SigningKey]("key.rotate")
	KeyReseal  = Define[struct{}, Resealed]("key.reseal")
)

// Role is a role with what it gives.
type Role struct {
	ID          string   `json:"role_id"`
	Name        string   `json:"name"`
	Level       int      `json:"level"`
	Permissions []string `json:"permissions"`
	BuiltIn     bool     `json:"built_in"`
}

// RoleNames names built-in roles by their ids; without any it is all of them.
type RoleNames struct {
	IDs []string `json:"role_ids,omitempty"`
}

// RepairedRole is a built-in role after its repair.
type RepairedRole struct {
	Role    Role `json:"role"`
	Changed bool `json:"changed"`
}

// SigningKey is the key that signs access tokens from now on.
type SigningKey struct {
	ID string `json:"key_id"`
}

// Resealed says how many records held something under a former key-encryption key.
type Resealed struct {
	Users    int `json:"users"`
	Sessions int `json:"sessions"`
}

type roles struct{ access *access.Service }

func (r roles) list(ctx context.Context, call Call, _ struct{}) ([]Role, error) {
	all, err := r.access.Roles(ctx, call.By)
	if err != nil {
		return nil, err
	}
	list := make([]Role, 0, len(all))
	for _, role := range all {
		list = append(list, roleOf(role))
	}
	return list, nil
}

func roleOf(role domain.Role) Role {
	answer := Role{ID: string(role.ID), Name: role.Name, Level: role.Level, BuiltIn: role.BuiltIn, Permissions: []string{}}
	for _, p := range role.Permissions {
		answer.Permissions = append(answer.Permissions, string(p))
	}
	return answer
}

func (r roles) repair(ctx context.Context, call Call, in RoleNames) ([]RepairedRole, error) {
	repaired, err := r.access.RepairRoles(ctx, call.By, in.IDs...)
	if err != nil {
		return nil, err
	}
	list := make([]RepairedRole, 0, len(repaired))
	for _, one := range repaired {
		list = append(list, RepairedRole{Role: roleOf(one.Role), Changed: one.Changed})
	}
	return list, nil
}

type keys struct {
	auth  *auth.Service
	seals *keyrotation.Service
}

func (k keys) rotate(ctx context.Context, call Call, _ struct{}) (SigningKey, error) {
	id, err := k.auth.RotateKey(ctx, call.By)
	return SigningKey{id}, err
}

func (k keys) reseal(ctx context.Context, call Call, _ struct{}) (Resealed, error) {
	report, err := k.seals.Run(ctx, call.By)
	return Resealed(report), err
}
