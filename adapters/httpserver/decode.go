package httpserver

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// The limits of a JSON body, beside its size.
const (
	maxDepth    = 32
	maxElements = 1000
	maxNameShow = 64
)

// Nuller is a type that distinguishes null from absent, as a merge patch (RFC 7396) needs it. Null is refused for any
// other.
type Nuller interface{ SetNull() }

var (
	// strictly refuses null where a value is asked for: the library would silently take it as an empty one.
	strictly = decodeOptions(refuseNull)
	// leniently takes null for a member as its absence. It stays refused as an element and as the whole body.
	leniently = decodeOptions(skipNull)
)

func decodeOptions(null func(*jsontext.Decoder, any) error) json.Options {
	return json.JoinOptions(
		json.RejectUnknownMembers(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFromFunc(null), json.UnmarshalFromFunc(decodeTime))),
	)
}

func refuseNull(d *jsontext.Decoder, into any) error {
	if d.PeekKind() != 'n' {
		return errors.ErrUnsupported
	}
	switch into.(type) {
	case Nuller, *any:
		return errors.ErrUnsupported
	}
	return errNull
}

func skipNull(d *jsontext.Decoder, into any) error {
	kind, _ := d.StackIndex(d.StackDepth())
	if _, free := into.(*any); free || kind != '{' || d.PeekKind() != 'n' {
		return refuseNull(d, into)
	}
	return d.SkipValue()
}

func decodeTime(d *jsontext.Decoder, into *time.Time) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != '"' {
		return errTime
	}
	if *into, err = domain.ParseTime(t.String()); err != nil {
		return errTime
	}
	return nil
}

var (
	errTime     = errors.New("must be a date and time (RFC 3339)")
	errNull     = errors.New("must not be null")
	errNUL      = errors.New("must not contain NUL")
	errDepth    = errors.New("is nested too deeply")
	errElements = errors.New("has too many elements")
)

// DecodeJSON reads one JSON value into the struct that into points to. An unknown, duplicate or case-variant member, a
// wrong type, null for a member that takes none, invalid UTF-8, NUL, more than 32 levels, more than 1000 elements or
// trailing data is fault.ErrInvalid naming the member. No value that was sent is ever part of the error.
func DecodeJSON(body []byte, into any) error { return decodeJSON(body, into, strictly) }

// DecodePost is DecodeJSON for the body of a POST or PUT request: null for a member is the same as leaving the member
// out.
func DecodePost(body []byte, into any) error { return decodeJSON(body, into, leniently) }

func decodeJSON(body []byte, into any, options json.Options) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return fault.ErrInvalid.About("body", "is required")
	}
	if err := scan(body); err != nil {
		return refusal(err)
	}
	if err := json.Unmarshal(body, into, options); err != nil {
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
	case errors.Is(e.Err, errNull), errors.Is(e.Err, errNUL), errors.Is(e.Err, errDepth), errors.Is(e.Err, errElements),
		errors.Is(e.Err, errTime):
		return e.Err.Error()
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
	return fault.ErrInvalid.About(printable(strings.Join(path, ".")), reason)
}

// printable makes a name that a client chose fit to be shown and logged.
func printable(name string) string {
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
