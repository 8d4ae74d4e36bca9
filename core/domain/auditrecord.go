package domain

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AuditSaltLength is the length of the salt of a commitment.
const AuditSaltLength = 16

// AuditDigest is a SHA-256 digest of the sealed log.
type AuditDigest [sha256.Size]byte

// AuditRecord is an audit entry in the form in which it is kept and sealed.
//
// Public is what is sealed: bytes that are written once and hashed as they are, never made again from fields. What tells of
// a person stands beside it, and Public only holds salted commitments to it. A purge takes the person's values with their
// salts away: then nobody can tell from the commitment what they were, and the log still proves itself whole.
type AuditRecord struct {
	// Seq is the entry's place in the log, from 1 without gaps; 0 where the store gives places only with the seal.
	Seq    int64
	ID     LogID
	Public []byte
	// IPAddress and UserAgent are those of who acted.
	IPAddress string
	UserAgent string
	ActorSalt []byte // nil once they were erased
	// Personal is a JSON object, nil when there is none or it was erased.
	Personal     []byte
	PersonalSalt []byte // nil once Personal was erased
	// Mark is what ports.AuditMarker made of Public when the entry was written. It counts until the entry is sealed; reads of
	// what is sealed leave it out.
	Mark []byte
}

// NewAuditRecord returns the entry in the form that is kept. The salts are AuditSaltLength random bytes each. An entry whose
// details are no JSON is refused: what cannot be recorded does not happen.
func NewAuditRecord(e AuditEntry, actorSalt, personalSalt []byte) (AuditRecord, error) {
	if len(actorSalt) != AuditSaltLength || len(personalSalt) != AuditSaltLength {
		return AuditRecord{}, errors.New("recording an audit entry: the salts are of the wrong length")
	}
	details, err := canonicalObject(e.Details)
	if err != nil {
		return AuditRecord{}, fmt.Errorf("recording an audit entry: %w", err)
	}
	r := AuditRecord{
		// JSON has no way to carry other bytes, and an export must carry what was committed to.
		ID: e.ID, IPAddress: strings.ToValidUTF8(e.IPAddress, "\uFFFD"), UserAgent: strings.ToValidUTF8(e.UserAgent, "\uFFFD"),
		ActorSalt: slices.Clone(actorSalt), PersonalSalt: slices.Clone(personalSalt),
	}
	if len(e.Personal) > 0 {
		if r.Personal, err = canonicalObject(e.Personal); err != nil {
			return AuditRecord{}, fmt.Errorf("recording an audit entry: %w", err)
		}
	}
	public := AuditPublic{
		ID: e.ID, Time: e.Time.UTC().Format(time.RFC3339Nano), UserID: e.UserID, Action: e.Action, Success: e.Success,
		RequestID: e.RequestID, Target: e.Target, Details: string(details), Actor: r.actorCommitment(), Personal: r.personalCommitment(),
	}
	r.Public = public.Append(make([]byte, 0, 512))
	return r, nil
}

// Entry returns the entry that the record holds, or an error when it is none.
func (r *AuditRecord) Entry() (AuditEntry, error) {
	p, err := ParseAuditPublic(string(r.Public))
	if err != nil {
		return AuditEntry{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, p.Time)
	if err != nil {
		return AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
	}
	e := AuditEntry{
		ID: p.ID, Time: at, UserID: p.UserID, Action: p.Action, Success: p.Success, RequestID: p.RequestID, Target: p.Target,
		IPAddress: r.IPAddress, UserAgent: r.UserAgent,
	}
	if err := json.Unmarshal([]byte(p.Details), &e.Details); err != nil {
		return AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
	}
	if len(e.Details) == 0 {
		e.Details = nil
	}
	if r.Personal != nil {
		if err := json.Unmarshal(r.Personal, &e.Personal); err != nil {
			return AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
		}
	}
	return e, nil
}

// Leaf returns the digest that a segment holds of the record (the prefix sets it apart from every other digest, as in
// RFC 6962).
func (r *AuditRecord) Leaf() AuditDigest {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(r.Public)
	return AuditDigest(h.Sum(nil))
}

// DisputedLeaf returns the digest that a segment holds in place of Leaf when the record was not what its mark says as it was
// sealed: then it proves, for ever and at this place, that somebody changed or added it before.
func (r *AuditRecord) DisputedLeaf() AuditDigest {
	h := sha256.New()
	h.Write([]byte{2})
	h.Write(r.Public)
	return AuditDigest(h.Sum(nil))
}

// ErrAuditOpening tells that what stands beside the sealed bytes is not what they commit to.
var ErrAuditOpening = errors.New("the personal part is not the one that was recorded")

// CheckOpening returns ErrAuditOpening when the address, the user agent or the personal details are not those that were
// recorded. What was erased as a whole is passed over.
func (r *AuditRecord) CheckOpening() error {
	p, err := ParseAuditPublic(string(r.Public))
	if err != nil {
		return err
	}
	if p.ID != r.ID {
		return ErrAuditOpening
	}
	switch {
	case r.ActorSalt == nil && (r.IPAddress != "" || r.UserAgent != ""),
		r.ActorSalt != nil && !equalText(p.Actor, r.actorCommitment()),
		r.PersonalSalt == nil && r.Personal != nil,
		r.PersonalSalt != nil && !equalText(p.Personal, r.personalCommitment()):
		return ErrAuditOpening
	}
	return nil
}

// EraseActor takes away the address and user agent of who acted.
func (r *AuditRecord) EraseActor() { r.IPAddress, r.UserAgent, r.ActorSalt = "", "", nil }

// ErasePersonal takes away the details that name a person.
func (r *AuditRecord) ErasePersonal() { r.Personal, r.PersonalSalt = nil, nil }

func equalText(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func (r *AuditRecord) actorCommitment() string {
	mac := hmac.New(sha256.New, r.ActorSalt)
	mac.Write(fmt.Appendf(nil, "actor|%d|", len(r.IPAddress))) // the length keeps the two values apart
	mac.Write([]byte(r.IPAddress))
	mac.Write([]byte(r.UserAgent))
	return commitment(mac.Sum(nil))
}

func (r *AuditRecord) personalCommitment() string {
	mac := hmac.New(sha256.New, r.PersonalSalt)
	mac.Write([]byte("personal|"))
	mac.Write(r.Personal)
	return commitment(mac.Sum(nil))
}

// canonicalObject returns the object with its keys in order.
func canonicalObject(object map[string]any) ([]byte, error) {
	if len(object) == 0 {
		return []byte("{}"), nil
	}
	return canonical(object)
}

func canonical(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("recording an audit entry: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
