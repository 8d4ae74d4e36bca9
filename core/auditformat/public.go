package auditformat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
)

// Public is the sealed part of an audit entry. Its text has one permanent form: the fields of version 1 in order,
// without white space, and every string escaped in one way. A new form gets a new version in addition.
type Public struct {
	ID        domain.LogID
	Time      string // RFC 3339 in UTC
	UserID    string
	Action    domain.Action
	Success   bool
	RequestID string
	Target    string
	Details   string // a JSON object
	// Actor and Personal are the commitments, in base64url.
	Actor    string
	Personal string
}

// The names of the fields, as they are written in the text.
const (
	auditBegin     = `{"v":1,"log_id":"`
	auditTime      = `","timestamp":"`
	auditUser      = `","user_id":"`
	auditAction    = `","action":"`
	auditSuccess   = `","success":`
	auditRequest   = `,"request_id":"`
	auditTarget    = `","target_id":"`
	auditDetails   = `","details":`
	auditActor     = `,"actor_commitment":"`
	auditPersonal  = `","personal_commitment":"`
	auditEnd       = `"}`
	commitmentText = 43 // 32 bytes in base64url
)

// Append appends the text to dst.
func (p *Public) Append(dst []byte) []byte {
	dst = AppendJSONText(append(dst, auditBegin...), string(p.ID))
	dst = AppendJSONText(append(dst, auditTime...), p.Time)
	dst = AppendJSONText(append(dst, auditUser...), p.UserID)
	dst = AppendJSONText(append(dst, auditAction...), string(p.Action))
	dst = strconv.AppendBool(append(dst, auditSuccess...), p.Success)
	dst = AppendJSONText(append(dst, auditRequest...), p.RequestID)
	dst = AppendJSONText(append(dst, auditTarget...), p.Target)
	dst = append(append(dst, auditDetails...), p.Details...)
	dst = append(append(dst, auditActor...), p.Actor...)
	dst = append(append(dst, auditPersonal...), p.Personal...)
	return append(dst, auditEnd...)
}

var errAuditPublic = errors.New("not the text of an audit entry")

// ParsePublic parses the text. Any text that Append would not write byte for byte is an error.
func ParsePublic(text string) (Public, error) {
	var p Public
	r := auditReader{rest: text}
	p.ID = domain.LogID(r.text(auditBegin))
	p.Time = r.text(auditTime)
	p.UserID = r.text(auditUser)
	p.Action = domain.Action(r.text(auditAction))
	r.skip(auditSuccess)
	p.Success = strings.HasPrefix(r.rest, "true")
	r.skip(strconv.FormatBool(p.Success))
	p.RequestID = r.text(auditRequest)
	p.Target = r.text(auditTarget)
	r.skip(auditDetails)
	// The rest after the details has a fixed length, so they can be found without being parsed.
	tail := len(auditActor) + len(auditPersonal) + len(auditEnd) + 2*commitmentText
	if r.bad || len(r.rest) < tail {
		return Public{}, errAuditPublic
	}
	p.Details, r.rest = r.rest[:len(r.rest)-tail], r.rest[len(r.rest)-tail:]
	p.Actor = r.fixed(auditActor, commitmentText)
	p.Personal = r.fixed(auditPersonal, commitmentText)
	r.skip(auditEnd)
	if r.bad || r.rest != "" {
		return Public{}, errAuditPublic
	}
	return p, nil
}

// auditReader parses the text from the front. After an error, bad stays set.
type auditReader struct {
	rest string
	bad  bool
}

func (r *auditReader) skip(prefix string) {
	rest, ok := strings.CutPrefix(r.rest, prefix)
	r.rest, r.bad = rest, r.bad || !ok
}

func (r *auditReader) fixed(before string, length int) string {
	r.skip(before)
	if r.bad || len(r.rest) < length {
		r.bad = true
		return ""
	}
	value := r.rest[:length]
	r.rest = r.rest[length:]
	return value
}

// text returns the string after the prefix before, without its closing quote, which starts the next prefix.
func (r *auditReader) text(before string) string {
	r.skip(before)
	if r.bad {
		return ""
	}
	escaped := false
	for i := 0; i < len(r.rest); i++ {
		switch r.rest[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value := r.rest[:i]
			r.rest = r.rest[i:]
			if escaped || !isPlain(value) {
				return r.unescape(value)
			}
			return value
		}
	}
	r.bad = true
	return ""
}

// isPlain reports whether the text contains nothing that is ever escaped.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

func (r *auditReader) unescape(value string) string {
	var text string
	if err := json.Unmarshal([]byte(`"`+value+`"`), &text); err != nil || string(AppendJSONText(nil, text)) != value {
		r.bad = true
	}
	return text
}

// AppendJSONText appends the inside of a JSON string in the canonical form of sealed text: the quote and the backslash
// with a backslash, control characters, DEL and the line separators as \u and four digits, and bytes that are not UTF-8
// as U+FFFD.
func AppendJSONText(dst []byte, text string) []byte {
	start := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		if isKept(r, size) {
			i += size
			continue
		}
		dst = append(dst, text[start:i]...)
		switch r {
		case '"', '\\':
			dst = append(dst, '\\', byte(r))
		case utf8.RuneError:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		i += size
		start = i
	}
	return append(dst, text[start:]...)
}

// isKept reports whether a rune of this many bytes is written unchanged in JSON text. A replacement character of one
// byte is the result of decoding invalid bytes.
func isKept(r rune, size int) bool {
	switch r {
	case '"', '\\', 0x7f, '\u2028', '\u2029':
		return false
	case utf8.RuneError:
		return size > 1
	default:
		return r >= 0x20
	}
}

// IDOf returns the ID in the text of an entry, or "" if it is not one. It parses nothing else.
func IDOf(public []byte) domain.LogID {
	rest, ok := bytes.CutPrefix(public, []byte(auditBegin))
	id, _, found := bytes.Cut(rest, []byte{'"'})
	if !ok || !found {
		return ""
	}
	return domain.LogID(id)
}
