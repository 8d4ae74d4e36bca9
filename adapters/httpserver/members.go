package httpserver

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/core/fault"
)

// DecodeMembers reads a JSON object member by member, for calls that ignore members they do not know, whatever those
// contain. The value of a member that DecodePost would refuse, or that is given twice, is the refusal as an error. Text
// that is no JSON object is fault.ErrInvalid.
func DecodeMembers(body []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, fault.ErrInvalid.About("body", "is required")
	}
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return nil, notAnObject(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, refusal(err)
	}
	members := map[string]any{}
	for d.PeekKind() == '"' {
		if err := readMember(d, members); err != nil {
			return nil, refusal(err)
		}
		if len(members) > 2*maxElements {
			return nil, fault.ErrInvalid.About("body", errElements.Error())
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, refusal(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fault.ErrInvalid.About("body", "is not valid JSON")
	}
	return members, nil
}

func notAnObject(d *jsontext.Decoder) error {
	if _, err := d.ReadValue(); err != nil {
		return refusal(err)
	}
	return fault.ErrInvalid.About("body", "has the wrong type")
}

// readMember reads the next member of an object into members.
func readMember(d *jsontext.Decoder, members map[string]any) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	name := token.String()
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	if _, twice := members[name]; twice {
		members[name] = fault.ErrInvalid.About(printable(name), "is given twice")
		return nil
	}
	if quoted, err := jsontext.AppendQuote(nil, name); err == nil { // else it is not UTF-8, and no known member
		members[name] = decodedMember(name, quoted, value)
	}
	return nil
}

// decodedMember returns the value of a member, or the error of a value that cannot be decoded.
func decodedMember(name string, quoted, value []byte) any {
	var one map[string]any
	if err := DecodePost(append(append(append(append([]byte{'{'}, quoted...), ':'), value...), '}'), &one); err != nil {
		return err
	}
	return one[name]
}
