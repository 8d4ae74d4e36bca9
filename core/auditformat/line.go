package auditformat

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// segmentLine is the line of a segment in exports, and in the output of checkpoint sinks.
type segmentLine struct {
	Checkpoint string        `json:"checkpoint,omitempty"` // a signed note
	Tree       string        `json:"tree,omitempty"`
	Segment    *chainSegment `json:"segment,omitempty"` // instead of both in the first form
	Leaves     string        `json:"leaves,omitempty"`
	Included   string        `json:"included,omitempty"`
}

// chainSegment is a segment of the first form.
type chainSegment struct {
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

// The beginnings of lines.
const (
	CheckpointBegin = `{"checkpoint":`
	SegmentBegin    = `{"segment":` // the first form
	EntryBegin      = `{"entry":`   // an entry in the output of a checkpoint sink
)

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func decode(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// SegmentLine returns a segment as one line of JSON without a line break. Included is the bit set of the segment's
// entries that the file contains; nil omits it.
func SegmentLine(s *Segment, included []byte) ([]byte, error) {
	l := segmentLine{Included: encode(included)}
	if s.Size > 0 {
		l.Checkpoint, l.Tree, l.Leaves = s.Note(), encode(s.Tree), encode(s.Leaves)
		return json.Marshal(l)
	}
	l.Segment = &chainSegment{
		Number: s.Number, First: s.First, Count: s.Count, Previous: s.Previous.String(), Root: s.Root.String(),
		SealedAt: s.SealedAt.UTC().Format(time.RFC3339Nano), Key: s.KeyID, Signature: encode(s.Signature),
		Leaves: encode(s.Leaves),
	}
	return json.Marshal(l)
}

var errSegment = errors.New("not the line of a segment")

// ParseSegment parses a line of SegmentLine.
func ParseSegment(raw []byte) (s Segment, included []byte, err error) {
	var l segmentLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return s, nil, errSegment
	}
	var errs [6]error
	included, errs[0] = decode(l.Included)
	switch o := l.Segment; {
	case l.Checkpoint != "":
		s.Checkpoint, errs[1] = ParseNote(l.Checkpoint)
		s.Tree, errs[2] = decode(l.Tree)
		s.Leaves, errs[3] = decode(l.Leaves)
	case o != nil:
		s.Number, s.First, s.Count, s.KeyID = o.Number, o.First, o.Count, o.Key
		s.Previous, errs[1] = ParseDigest(o.Previous)
		s.Root, errs[2] = ParseDigest(o.Root)
		s.SealedAt, errs[3] = time.Parse(time.RFC3339Nano, o.SealedAt)
		s.Signature, errs[4] = decode(o.Signature)
		s.Leaves, errs[5] = decode(o.Leaves)
	default:
		errs[0] = errSegment
	}
	return s, included, errors.Join(errs[:]...)
}

// appendPosition appends the record as a JSON object without its end: the sealed text, the position, and the personal
// data.
func (r *Record) appendPosition(dst []byte) []byte {
	dst = append(dst, r.Public[:len(r.Public)-1]...)
	dst = strconv.AppendInt(append(dst, `,"seq":`...), r.Seq, 10)
	dst = AppendJSONText(append(dst, `,"ip_address":"`...), r.IPAddress)
	dst = AppendJSONText(append(dst, `","user_agent":"`...), r.UserAgent)
	dst = append(dst, `","personal":`...)
	if len(r.Personal) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, r.Personal...)
}

// AppendJSON appends the record as a JSON object, with the salts that open its commitments.
func (r *Record) AppendJSON(dst []byte) []byte {
	dst = base64.RawURLEncoding.AppendEncode(append(r.appendPosition(dst), `,"actor_salt":"`...), r.ActorSalt)
	dst = base64.RawURLEncoding.AppendEncode(append(dst, `","personal_salt":"`...), r.PersonalSalt)
	return append(dst, `"}`...)
}

// AppendEntry appends the line of the record in the output of a checkpoint sink, without a line break. It has no salts.
func (r *Record) AppendEntry(dst []byte) []byte {
	return append(r.appendPosition(append(dst, EntryBegin...)), "}}"...)
}

// jsonRecord is a record as a JSON object.
type jsonRecord struct {
	ID           domain.LogID    `json:"log_id"`
	Time         string          `json:"timestamp"`
	UserID       string          `json:"user_id"`
	Action       domain.Action   `json:"action"`
	Success      bool            `json:"success"`
	RequestID    string          `json:"request_id"`
	Target       string          `json:"target_id"`
	Details      json.RawMessage `json:"details"`
	Actor        string          `json:"actor_commitment"`
	Commitment   string          `json:"personal_commitment"`
	Seq          int64           `json:"seq"`
	IP           string          `json:"ip_address"`
	Agent        string          `json:"user_agent"`
	Personal     json.RawMessage `json:"personal"`
	ActorSalt    string          `json:"actor_salt"`
	PersonalSalt string          `json:"personal_salt"`
}

// ParseJSON parses the result of AppendJSON.
func ParseJSON(text []byte) (Record, error) {
	var j jsonRecord
	if err := json.Unmarshal(text, &j); err != nil {
		return Record{}, err
	}
	return j.record()
}

// ParseEntry parses the result of AppendEntry.
func ParseEntry(text []byte) (Record, error) {
	var outer struct {
		Entry jsonRecord `json:"entry"`
	}
	if err := json.Unmarshal(text, &outer); err != nil {
		return Record{}, err
	}
	return outer.Entry.record()
}

func (j *jsonRecord) record() (Record, error) {
	public := Public{
		ID: j.ID, Time: j.Time, UserID: j.UserID, Action: j.Action, Success: j.Success, RequestID: j.RequestID,
		Target:  j.Target,
		Details: string(j.Details), Actor: j.Actor, Personal: j.Commitment,
	}
	r := Record{Seq: j.Seq, ID: j.ID, Public: public.Append(nil), IPAddress: j.IP, UserAgent: j.Agent}
	if string(j.Personal) != "null" {
		r.Personal = j.Personal
	}
	var err1, err2 error
	r.ActorSalt, err1 = decode(j.ActorSalt)
	r.PersonalSalt, err2 = decode(j.PersonalSalt)
	return r, errors.Join(err1, err2)
}

// ParseCheckpoint parses the checkpoint in a line of SegmentLine.
func ParseCheckpoint(raw []byte) (Checkpoint, error) {
	s, _, err := ParseSegment(raw)
	return s.Checkpoint, err
}
