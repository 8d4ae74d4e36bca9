package records

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Role is the document of a role.
type Role struct {
	ID          domain.RoleID       `json:"id"                    bson:"id"`
	Identifier  string              `json:"identifier,omitempty"  bson:"identifier"`
	Name        string              `json:"name"                  bson:"name"`
	Permissions []domain.Permission `json:"permissions,omitempty" bson:"permissions"`
	Level       int                 `json:"level"                 bson:"level"`
	BuiltIn     bool                `json:"built_in,omitempty"    bson:"builtin"`
	CreatedAt   time.Time           `json:"created_at,omitzero"   bson:"createdat"`
}

// NewRole returns the document of the role.
func NewRole(r *domain.Role) Role { return Role(*r) }

// Domain returns the role of the document.
func (r *Role) Domain() domain.Role { return domain.Role(*r) }

// Group is the document of a group.
type Group struct {
	ID          domain.GroupID      `json:"id"                    bson:"id"`
	Name        string              `json:"name"                  bson:"name"`
	NameKey     string              `json:"name_key,omitempty"    bson:"namekey"`
	Description string              `json:"description,omitempty" bson:"description"`
	Permissions []domain.Permission `json:"permissions,omitempty" bson:"permissions"`
	CreatedAt   time.Time           `json:"created_at,omitzero"   bson:"createdat"`
	UpdatedAt   time.Time           `json:"updated_at,omitzero"   bson:"updatedat"`
}

// NewGroup returns the document of the group.
func NewGroup(g *domain.Group) Group { return Group(*g) }

// Domain returns the group of the document.
func (r *Group) Domain() domain.Group { return domain.Group(*r) }

// SigningKey is the document of a key that signs access tokens.
type SigningKey struct {
	ID        string                 `json:"id"                  bson:"id"`
	Algorithm string                 `json:"algorithm"           bson:"algorithm"`
	State     domain.SigningKeyState `json:"state"               bson:"state"`
	Private   []byte                 `json:"private"             bson:"private"`
	CreatedAt time.Time              `json:"created_at,omitzero" bson:"createdat"`
	RetiresAt time.Time              `json:"retires_at,omitzero" bson:"retiresat"`
	Version   int64                  `json:"version"             bson:"version"`
}

// NewSigningKey returns the document of the key.
func NewSigningKey(k *domain.SigningKey) SigningKey { return SigningKey(*k) }

// Domain returns the key of the document.
func (r *SigningKey) Domain() domain.SigningKey { return domain.SigningKey(*r) }

// SyncPosition is the document of where the next synchronization of a directory begins.
type SyncPosition struct {
	Directory  domain.DirectoryID `json:"directory"            bson:"directory"`
	Next       string             `json:"next,omitempty"       bson:"next"`
	CompleteAt time.Time          `json:"complete_at,omitzero" bson:"completeat"`
}

// NewSyncPosition returns the document of the position.
func NewSyncPosition(p *domain.SyncPosition) SyncPosition { return SyncPosition(*p) }

// Domain returns the position of the document.
func (r *SyncPosition) Domain() domain.SyncPosition { return domain.SyncPosition(*r) }
