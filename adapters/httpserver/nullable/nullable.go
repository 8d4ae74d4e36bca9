// Package nullable has the type of members that distinguish absent, null and a value, as a merge patch (RFC 7396)
// needs it.
//
// It replaces the package of the same name that the generated models would use: that one uses a second JSON library,
// which is slower and less strict.
package nullable

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Nullable is a member that may be absent, null or a value. The zero value is absent.
type Nullable[T any] struct {
	value T
	state state
}

type state int8

const (
	absent state = iota
	null
	given
)

// Of returns a value.
func Of[T any](value T) Nullable[T] { return Nullable[T]{value, given} }

// Null returns null.
func Null[T any]() Nullable[T] { return Nullable[T]{state: null} }

// IsSpecified reports whether the member is present, as null or as a value.
func (n Nullable[T]) IsSpecified() bool { return n.state != absent }

// IsNull reports whether the member is null.
func (n Nullable[T]) IsNull() bool { return n.state == null }

// Get returns the value, and whether there is one.
func (n Nullable[T]) Get() (T, bool) { return n.value, n.state == given }

// SetNull sets the member to null.
func (n *Nullable[T]) SetNull() { *n = Null[T]() }

// MarshalJSONTo writes the value, or null if there is none.
func (n Nullable[T]) MarshalJSONTo(e *jsontext.Encoder) error {
	if n.state != given {
		return e.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(e, n.value)
}

// UnmarshalJSONFrom reads null or a value.
func (n *Nullable[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == jsontext.KindNull {
		n.SetNull()
		_, err := d.ReadToken()
		return err
	}
	n.state = given
	return json.UnmarshalDecode(d, &n.value)
}
