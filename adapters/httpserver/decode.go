package httpserver

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/core/fault"
)

// The limits of a JSON body, beside its size.
const (
	maxDepth    = 32
	maxElements = 1000
	maxNameShow = 64
)

// Nuller is a type that tells null from absent, as a merge patch (RFC 7396) needs it. Null is refused for any other.
type Nuller interface{ SetNull() }

// strictly refuses null where a value is asked for: the library would silently take it as an empty one.
var strictly = json.JoinOptions(
	json.RejectUnknownMembers(true),
	json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, into any) error {
		if d.PeekKind() != 'n' {
			return errors.ErrUnsupported
		}
		switch into.(type) {
		case Nuller, *any:
			return errors.ErrUnsupported
		}
		return errNull
	})),
)

var (
	errNull     = errors.New("must not be null")
	errNUL      = errors.New("must not contain NUL")
	errDepth    = errors.New("is nested too deeply")
	errElements = errors.New("has too many elements")
)

// DecodeJSON reads one JSON value into the struct that into points to. An unknown, duplicate or case-variant member, a
// wrong type, null for a member that takes none, invalid UTF-8, NUL, more than 32 levels, more than 1000 elements or
// trailing data is fault.ErrInvalid naming the member. No value that was sent is ever part of the error.
func DecodeJSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return fault.ErrInvalid.About("body", "is required")
	}
	if err := scan(body); err != nil {
		return refusal(err)
	}
	if err := json.Unmarshal(body, into, strictly); err != nil {
		return refusal(err)
	}
	return nil
}

// scan walks over the whole body first, so that nothing of it is built before all of it is known to be sane.
func scan(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := checkToken(d, t); err != nil {
			return &json.SemanticError{JSONPointer: d.StackPointer(), Err: err}
		}
	}
}

func checkToken(d *jsontext.Decoder, t jsontext.Token) error {
	if d.StackDepth() > maxDepth {
		return errDepth
	}
	switch t.Kind() {
	case '"':
		if strings.ContainsRune(t.String(), 0) {
			return errNUL
		}
	case '{', '[':
		return nil
	default:
	}
	if kind, n := d.StackIndex(d.StackDepth()); n > maxElements && (kind == '[' || n > 2*maxElements) {
		return errElements
	}
	return nil
}

// refusal turns a decoding error into the public one. The libraries' texts hold pieces of the input, so the reasons are
// our own words.
func refusal(err error) error {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic):
		return about(semantic.JSONPointer, semanticReason(semantic))
	case errors.As(err, &syntactic):
		return about(syntactic.JSONPointer, syntacticReason(syntactic))
	default:
		return fault.ErrInvalid.About("body", "is not valid JSON")
	}
}

func semanticReason(e *json.SemanticError) string {
	switch {
	case errors.Is(e.Err, json.ErrUnknownName):
		return "is not a known field"
	case errors.Is(e.Err, errNull), errors.Is(e.Err, errNUL), errors.Is(e.Err, errDepth), errors.Is(e.Err, errElements):
		return e.Err.Error()
	case e.GoType != nil && e.GoType.String() == "time.Time":
		return "must be a date and time (RFC 3339)"
	default:
		return "has the wrong type"
	}
}

func syntacticReason(e *jsontext.SyntacticError) string {
	switch {
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return "is given twice"
	case strings.Contains(e.Error(), "UTF-8"):
		return "is not valid UTF-8"
	case strings.Contains(e.Error(), "nesting depth"):
		return errDepth.Error()
	default:
		return "is not valid JSON"
	}
}

// about names a member by its path, with dots: "filters.actions.0".
func about(at jsontext.Pointer, reason string) error {
	var path []string
	for part := range at.Tokens() {
		path = append(path, part)
	}
	if len(path) == 0 {
		return fault.ErrInvalid.About("body", reason)
	}
	return fault.ErrInvalid.About(shown(strings.Join(path, ".")), reason)
}

// shown makes a name that a client chose fit to be shown and logged.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || (r >= 0x80 && r < 0xa0) || (r >= 0x2028 && r <= 0x202e) {
			return '?'
		}
		return r
	}, name)
	if len(name) <= maxNameShow {
		return name
	}
	cut := maxNameShow
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}
