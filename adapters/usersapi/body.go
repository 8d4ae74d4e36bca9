package usersapi

import (
	"mime"
	"strconv"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
)

const formType = "application/x-www-form-urlencoded"

var bodyTypes = []string{"application/json", formType}

// fields are the members of a body, JSON or form. Unknown ones are passed over: clients of the original send more than
// is read. The query string is never one: passwords would stand in logs. A field that cannot be decoded is its error,
// which only reading the field returns: unknown fields are ignored, however they look.
type fields map[string]any

// readBody reads a body that must have the required fields, whose help texts the failure lists.
func readBody(r *httpserver.Request, required map[string]string) (fields, error) {
	body := fields{}
	if kind, _, err := mime.ParseMediaType(r.Header("Content-Type")); err == nil && kind == formType {
		body = readForm(r)
	} else if r.HasBody() {
		if body, err = httpserver.DecodeMembers(r.Body()); err != nil {
			return nil, err
		}
	}
	lacking := map[string]string{}
	for field, help := range required {
		if body[field] == nil {
			lacking[field] = help + missingText
		}
	}
	if len(lacking) > 0 {
		return nil, errMissing.With("errors", lacking)
	}
	return body, nil
}

func readForm(r *httpserver.Request) fields {
	form := httpserver.ParseForm(string(r.Body()))
	body := fields{}
	for _, name := range form.Names() {
		value, err := form.One(name)
		if err != nil {
			body[name] = err
			continue
		}
		body[name] = value
	}
	return body
}

// text reads a field into into; an absent one leaves it.
func (b fields) text(field string, into *string) error {
	switch v := b[field].(type) {
	case nil:
		return nil
	case string:
		*into = v
		return nil
	case error:
		return v
	}
	return fault.ErrInvalid.About(field, "must be a string")
}

// texts reads several fields and returns the first failure.
func (b fields) texts(into map[string]*string) error {
	for field, value := range into {
		if err := b.text(field, value); err != nil {
			return err
		}
	}
	return nil
}

// number reads a whole number that is not negative: a form has it as text.
func (b fields) number(field string) (int, error) {
	refused := fault.ErrInvalid.About(field, "must be a whole number of 0 or more")
	switch v := b[field].(type) {
	case float64:
		if v < 0 || v != float64(int(v)) {
			return 0, refused
		}
		return int(v), nil
	case string:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, refused
		}
		return n, nil
	case error:
		return 0, v
	}
	return 0, refused
}
