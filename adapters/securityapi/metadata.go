package securityapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
)

// metadataPatch returns the change that a JSON Merge Patch (RFC 7396) makes; an empty patch clears the metadata.
// Members that the patch does not touch stay byte for byte, and its own members are stored as sent, including the order
// of keys and the spelling of numbers.
func metadataPatch(patch json.RawMessage) func(present domain.Metadata) (domain.Metadata, error) {
	return func(present domain.Metadata) (domain.Metadata, error) {
		if len(patch) == 0 {
			return nil, nil
		}
		if err := domain.CheckMetadata(patch); err != nil {
			return nil, err
		}
		return mergePatch(present, patch)
	}
}

// member is one member of a JSON object in its original encoding.
type member struct {
	name  string // decoded
	key   json.RawMessage
	value json.RawMessage
}

var errNotObject = errors.New("stored metadata is not a JSON object")

// membersOf returns the members of a JSON object in order.
func membersOf(object json.RawMessage) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.Join(errNotObject, err)
	}
	var members []member
	for decoder.More() {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.Join(errNotObject, err)
		}
		m := member{name: name, key: bytes.TrimLeft(object[before:decoder.InputOffset()], ", \t\r\n")}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, errors.Join(errNotObject, err)
		}
		members = append(members, m)
	}
	return members, nil
}

func isObject(value json.RawMessage) bool { return len(value) > 0 && value[0] == '{' }

// mergePatch applies the patch, which is an object, to the target, or to an empty object if the target is not an
// object.
func mergePatch(target, patch json.RawMessage) (json.RawMessage, error) {
	var members []member
	if target = bytes.TrimLeft(target, " \t\r\n"); isObject(target) {
		var err error
		if members, err = membersOf(target); err != nil {
			return nil, err
		}
	}
	changes, err := membersOf(patch)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		at := slices.IndexFunc(members, func(m member) bool { return m.name == change.name })
		switch {
		case string(change.value) == "null":
			members = slices.DeleteFunc(members, func(m member) bool { return m.name == change.name })
			continue
		case isObject(change.value):
			var inner json.RawMessage
			if at >= 0 {
				inner = members[at].value
			}
			if change.value, err = mergePatch(inner, change.value); err != nil {
				return nil, err
			}
		}
		if at >= 0 {
			members[at].value = change.value
		} else {
			members = append(members, change)
		}
	}
	return joined(members), nil
}

func joined(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(m.key)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}
