package audit

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// proofLine is a line of an export after its entries: a segment, or the statement that ends it.
type proofLine struct {
	Segment *segmentText   `json:"segment,omitempty"`
	Export  *statementText `json:"export,omitempty"`
}

// segmentText is a segment as it leaves the service: in exports, and without leaves in the lines of checkpoint sinks.
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

// statementText says what the export is, and is signed.
type statementText struct {
	Format    Format      `json:"format"`
	At        string      `json:"exported_at"`
	By        string      `json:"exported_by"`
	Filters   filtersText `json:"filters"`
	Complete  bool        `json:"complete"` // every entry from first to last is here
	First     int64       `json:"first"`    // the range of places that was looked through
	Last      int64       `json:"last"`
	Entries   int64       `json:"entries"`
	LastEntry int64       `json:"last_entry"`
	Digest    string      `json:"digest"` // SHA-256 of the lines of proof before this one and of the end of the chain of entries
	Key       string      `json:"key"`
	Signature string      `json:"signature"`
}

type filtersText struct {
	UserID    string          `json:"user_id,omitempty"`
	Actions   []domain.Action `json:"actions,omitempty"`
	From      string          `json:"from,omitempty"`
	Until     string          `json:"until,omitempty"`
	IPAddress string          `json:"ip_address,omitempty"`
	Success   *bool           `json:"success,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
}

func filtersOf(q domain.AuditQuery) filtersText {
	f := filtersText{UserID: q.UserID, Actions: q.Actions, IPAddress: q.IPAddress, Success: q.Success, RequestID: q.RequestID}
	if !q.From.IsZero() {
		f.From = q.From.UTC().Format(time.RFC3339Nano)
	}
	if !q.Until.IsZero() {
		f.Until = q.Until.UTC().Format(time.RFC3339Nano)
	}
	return f
}

// text returns what is signed: the statement without its signature.
func (s statementText) text() ([]byte, error) {
	s.Signature = ""
	raw, err := json.Marshal(s)
	return append([]byte("ostiary audit export v1 "), raw...), err
}

// isSigned reports whether the key that the statement names has signed it.
func (s statementText) isSigned() bool {
	text, err := s.text()
	if err != nil {
		return false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(s.Signature)
	return err == nil && verifySignature(s.Key, text, signature)
}

// CheckpointLine returns a checkpoint as one line of JSON without its end, as sinks write it and ParseCheckpoint reads it.
func CheckpointLine(c domain.AuditCheckpoint) ([]byte, error) {
	return json.Marshal(proofLine{Segment: textOf(domain.AuditSegment{AuditCheckpoint: c})})
}

// ParseCheckpoint reads a line of CheckpointLine.
func ParseCheckpoint(raw []byte) (domain.AuditCheckpoint, error) {
	var l proofLine
	if err := json.Unmarshal(raw, &l); err != nil || l.Segment == nil {
		return domain.AuditCheckpoint{}, errors.New("not the line of a checkpoint")
	}
	s, err := l.Segment.segment()
	return s.AuditCheckpoint, err
}

func textOf(s domain.AuditSegment) *segmentText {
	return &segmentText{
		Number: s.Number, First: s.First, Count: s.Count, Previous: s.Previous.String(), Root: s.Root.String(),
		SealedAt: s.SealedAt.UTC().Format(time.RFC3339Nano), Key: s.KeyID,
		Signature: base64.RawURLEncoding.EncodeToString(s.Signature), Leaves: base64.RawURLEncoding.EncodeToString(s.Leaves),
	}
}

func (t *segmentText) segment() (domain.AuditSegment, error) {
	var s domain.AuditSegment
	s.Number, s.First, s.Count, s.KeyID = t.Number, t.First, t.Count, t.Key
	var errs [5]error
	s.Previous, errs[0] = domain.ParseAuditDigest(t.Previous)
	s.Root, errs[1] = domain.ParseAuditDigest(t.Root)
	s.SealedAt, errs[2] = time.Parse(time.RFC3339Nano, t.SealedAt)
	s.Signature, errs[3] = base64.RawURLEncoding.Strict().DecodeString(t.Signature)
	if t.Leaves != "" {
		s.Leaves, errs[4] = base64.RawURLEncoding.Strict().DecodeString(t.Leaves)
	}
	return s, errors.Join(errs[:]...)
}
