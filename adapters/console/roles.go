package console

import (
	"context"

	"github.com/ostiary/ostiary/core/keyrotation"
)

// The operations on roles and keys.
var (
	KeyRotate = Define[struct{}, SigningKey]("key.rotate")
	KeyReseal = Define[struct{}, Resealed]("key.reseal")
)

// SigningKey is the key that signs access tokens from now on.
type SigningKey struct {
	ID string `json:"key_id"`
}

// Resealed says how many records held something under a former key-encryption key.
type Resealed struct {
	Users    int `json:"users"`
	Sessions int `json:"sessions"`
}

type keys struct {
	seals *keyrotation.Service
}

func (k keys) rotate(ctx context.Context, call Call, _ struct{}) (SigningKey, error) {
	id, err := k.seals.Rotate(ctx, call.By)
	return SigningKey{id}, err
}

func (k keys) reseal(ctx context.Context, call Call, _ struct{}) (Resealed, error) {
	report, err := k.seals.Run(ctx, call.By, func(int) {})
	return Resealed(report), err
}
