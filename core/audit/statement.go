package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// statementLine is the last line of the proof of an export.
type statementLine struct {
	Export *statement `json:"export"`
}

// statement describes the export. It is signed.
type statement struct {
	Format    Format      `json:"format"`
	At        string      `json:"exported_at"`
	By        safeText    `json:"exported_by"`
	Filters   filtersText `json:"filters"`
	Complete  bool        `json:"complete"` // every entry from first to last is included
	First     int64       `json:"first"`    // the range of positions that was searched
	Last      int64       `json:"last"`
	Entries   int64       `json:"entries"`
	LastEntry int64       `json:"last_entry"`
	// SHA256 is the digest, in hex, of the file before the line of the statement, without a byte order mark.
	SHA256 string `json:"sha256,omitempty"`
	// Digest is instead of SHA256 in the first form, whose entries are linked: the digest of the other proof lines and
	// of the last link.
	Digest    string `json:"digest,omitempty"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

type filtersText struct {
	UserID    safeText        `json:"user_id,omitempty"`
	Actions   []domain.Action `json:"actions,omitempty"`
	From      string          `json:"from,omitempty"`
	Until     string          `json:"until,omitempty"`
	IPAddress safeText        `json:"ip_address,omitempty"`
	Success   *bool           `json:"success,omitempty"`
	RequestID safeText        `json:"request_id,omitempty"`
}

func filtersOf(q domain.AuditQuery) filtersText {
	f := filtersText{
		UserID: safeText(q.UserID), Actions: q.Actions, IPAddress: safeText(q.IPAddress), Success: q.Success,
		RequestID: safeText(q.RequestID),
	}
	if !q.From.IsZero() {
		f.From = q.From.UTC().Format(time.RFC3339Nano)
	}
	if !q.Until.IsZero() {
		f.Until = q.Until.UTC().Format(time.RFC3339Nano)
	}
	return f
}

// safeText is a string of a request in a statement. Everything except letters, digits and a few signs is escaped, so
// that no program that parses the line as cells finds a separator or a quote in it.
type safeText string

// MarshalJSON implements json.Marshaler.
func (s safeText) MarshalJSON() ([]byte, error) {
	text := append(make([]byte, 0, len(s)+2), '"')
	for _, unit := range utf16.Encode([]rune(string(s))) {
		switch c := unit; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '.', c == ':':
			text = append(text, byte(c))
		default:
			text = fmt.Appendf(text, `\u%04x`, c)
		}
	}
	return append(text, '"'), nil
}

// The frame of a statement line. Its signature is the last member.
const (
	statementBegin     = `{"export":`
	statementSignature = `"signature":"`
	statementEnd       = `"}}`
)

// signedText returns the signed text of a statement line, which is the statement with an empty signature, and the
// signature.
func signedText(line []byte) (text, signature []byte, ok bool) {
	body, begins := bytes.CutPrefix(line, []byte(statementBegin))
	body, ends := bytes.CutSuffix(body, []byte(statementEnd))
	at := bytes.LastIndex(body, []byte(statementSignature))
	if !begins || !ends || at < 0 {
		return nil, nil, false
	}
	at += len(statementSignature)
	text = append([]byte("ostiary audit export v1 "), body[:at]...)
	return append(text, `"}`...), body[at:], true
}

// sign returns the line of the statement, signed with the key.
func (s *statement) sign(key ed25519.PrivateKey) ([]byte, error) {
	s.Key, s.Signature = keyID(key), ""
	line, err := json.Marshal(statementLine{s})
	if err != nil {
		return nil, err
	}
	text, _, _ := signedText(line)
	s.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, text))
	return json.Marshal(statementLine{s})
}

// isSigned reports whether the statement in the line has a valid signature of the key.
func isSigned(line []byte, key string) bool {
	text, encoded, ok := signedText(line)
	if !ok {
		return false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(string(encoded))
	return err == nil && auditformat.IsSigned(key, text, signature)
}
