package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/core/domain"
)

// proofLine is a line of an export after its entries: a segment, or the statement at the end.
type proofLine struct {
	Segment *segmentText   `json:"segment,omitempty"`
	Export  *statementText `json:"export,omitempty"`
}

// segmentText is the encoding of a segment: in exports, and without leaves in the lines of checkpoint sinks.
type segmentText struct {
	Number    int64  `json:"number"`
	First     int64  `json:"first"`
	Count     int64  `json:"count"`
	Previous  string `json:"previous"`
	Root      string `json:"root"`
	SealedAt  string `json:"sealed_at"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
	Leaves    string `json:"leaves,omitempty"`
}

// statementText describes the export. It is signed.
type statementText struct {
	Format    Format      `json:"format"`
	At        string      `json:"exported_at"`
	By        safeText    `json:"exported_by"`
	Filters   filtersText `json:"filters"`
	Complete  bool        `json:"complete"` // every entry from first to last is included
	First     int64       `json:"first"`    // the range of positions that was searched
	Last      int64       `json:"last"`
	Entries   int64       `json:"entries"`
	LastEntry int64       `json:"last_entry"`
	Digest    string      `json:"digest"` // SHA-256 of the earlier proof lines and the end of the chain of entries
	Key       string      `json:"key"`
	Signature string      `json:"signature"`
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
		UserID: safeText(q.UserID), Actions: q.Actions, IPAddress: safeText(q.IPAddress), Success: q.Success, RequestID: safeText(q.RequestID),
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

// signStatement returns the line of a statement, signed with the key.
func signStatement(key ed25519.PrivateKey, statement *statementText) ([]byte, error) {
	statement.Key, statement.Signature = keyID(key), ""
	line, err := json.Marshal(proofLine{Export: statement})
	if err != nil {
		return nil, err
	}
	text, _, _ := signedText(line)
	statement.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, text))
	return json.Marshal(proofLine{Export: statement})
}

// isSigned reports whether the statement in the line has a valid signature of the key.
func isSigned(line []byte, key string) bool {
	text, encoded, ok := signedText(line)
	if !ok {
		return false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(string(encoded))
	return err == nil && verifySignature(key, text, signature)
}

// CheckpointLine returns a checkpoint as one line of JSON without a line break, as sinks write it and ParseCheckpoint
// reads it.
func CheckpointLine(c auditformat.Checkpoint) ([]byte, error) {
	return json.Marshal(proofLine{Segment: textOf(auditformat.Segment{Checkpoint: c})})
}

// ParseCheckpoint parses a line of CheckpointLine.
func ParseCheckpoint(raw []byte) (auditformat.Checkpoint, error) {
	var l proofLine
	if err := json.Unmarshal(raw, &l); err != nil || l.Segment == nil {
		return auditformat.Checkpoint{}, errors.New("not a checkpoint line")
	}
	s, err := l.Segment.segment()
	return s.Checkpoint, err
}

func textOf(s auditformat.Segment) *segmentText {
	return &segmentText{
		Number: s.Number, First: s.First, Count: s.Count, Previous: s.Previous.String(), Root: s.Root.String(),
		SealedAt: s.SealedAt.UTC().Format(time.RFC3339Nano), Key: s.KeyID,
		Signature: base64.RawURLEncoding.EncodeToString(s.Signature), Leaves: base64.RawURLEncoding.EncodeToString(s.Leaves),
	}
}

func (t *segmentText) segment() (auditformat.Segment, error) {
	var s auditformat.Segment
	s.Number, s.First, s.Count, s.KeyID = t.Number, t.First, t.Count, t.Key
	var errs [5]error
	s.Previous, errs[0] = auditformat.ParseDigest(t.Previous)
	s.Root, errs[1] = auditformat.ParseDigest(t.Root)
	s.SealedAt, errs[2] = time.Parse(time.RFC3339Nano, t.SealedAt)
	s.Signature, errs[3] = base64.RawURLEncoding.Strict().DecodeString(t.Signature)
	if t.Leaves != "" {
		s.Leaves, errs[4] = base64.RawURLEncoding.Strict().DecodeString(t.Leaves)
	}
	return s, errors.Join(errs[:]...)
}
