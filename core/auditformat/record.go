package auditformat

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

	"github.com/ostiary/ostiary/core/domain"
)

// SaltLength is the length of the salt of a commitment.
const SaltLength = 16

// Digest is a SHA-256 digest of the sealed log.
type Digest [sha256.Size]byte

// Record is an audit entry in its stored and sealed form.
//
// Public is the sealed part: bytes that are written once, hashed unchanged and never generated again from fields.
// Personal data is stored beside it, and Public contains only salted commitments to it. A purge erases the personal
// values with their salts: then the commitment no longer reveals them, and the log can still be verified.
type Record struct {
	// Seq is the entry's sequence number in the log, from 1 without gaps; 0 if the store assigns it only when sealing.
	Seq    int64
	ID     domain.LogID
	Public []byte
	// IPAddress and UserAgent are those of the actor.
	IPAddress string
	UserAgent string
	ActorSalt []byte // nil after erasure
	// Personal is a JSON object, or nil if there is none or it was erased.
	Personal     []byte
	PersonalSalt []byte // nil after Personal was erased
	// Mark is the result of ports.AuditMarker for Public when the entry was written. It is used until the entry is
	// sealed; reads of sealed entries omit it.
	Mark []byte
}

// NewRecord returns the entry in its stored form. The salts are SaltLength random bytes each. An entry whose
// details cannot be encoded as JSON is an error: an action that cannot be recorded is not performed.
func NewRecord(e domain.AuditEntry, actorSalt, personalSalt []byte) (Record, error) {
	if len(actorSalt) != SaltLength || len(personalSalt) != SaltLength {
		return Record{}, errors.New("recording an audit entry: the salts are of the wrong length")
	}
	details, err := canonicalObject(e.Details)
	if err != nil {
		return Record{}, fmt.Errorf("recording an audit entry: %w", err)
	}
	r := Record{
		// JSON cannot carry other bytes, and an export must contain the committed values.
		ID: e.ID, IPAddress: strings.ToValidUTF8(e.IPAddress, "\uFFFD"),
		UserAgent: strings.ToValidUTF8(e.UserAgent, "\uFFFD"),
		ActorSalt: slices.Clone(actorSalt), PersonalSalt: slices.Clone(personalSalt),
	}
	if len(e.Personal) > 0 {
		if r.Personal, err = canonicalObject(e.Personal); err != nil {
			return Record{}, fmt.Errorf("recording an audit entry: %w", err)
		}
	}
	public := Public{
		ID: e.ID, Time: e.Time.UTC().Format(time.RFC3339Nano), UserID: e.UserID, Action: e.Action, Success: e.Success,
		RequestID: e.RequestID, Target: e.Target, Details: string(details), Actor: r.actorCommitment(),
		Personal: r.personalCommitment(),
	}
	r.Public = public.Append(make([]byte, 0, 512))
	return r, nil
}

// Entry returns the entry in the record, or an error if Public is not the text of an entry.
func (r *Record) Entry() (domain.AuditEntry, error) {
	p, err := ParsePublic(string(r.Public))
	if err != nil {
		return domain.AuditEntry{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, p.Time)
	if err != nil {
		return domain.AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
	}
	e := domain.AuditEntry{
		ID: p.ID, Time: at, UserID: p.UserID, Action: p.Action, Success: p.Success, RequestID: p.RequestID, Target: p.Target,
		IPAddress: r.IPAddress, UserAgent: r.UserAgent,
	}
	if err := json.Unmarshal([]byte(p.Details), &e.Details); err != nil {
		return domain.AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
	}
	if len(e.Details) == 0 {
		e.Details = nil
	}
	if r.Personal != nil {
		if err := json.Unmarshal(r.Personal, &e.Personal); err != nil {
			return domain.AuditEntry{}, fmt.Errorf("reading an audit record: %w", err)
		}
	}
	return e, nil
}

// Leaf returns the digest of the record in a segment. Its prefix separates it from every other digest, as in RFC 6962.
func (r *Record) Leaf() Digest { return leafHash(r.Public) }

// DisputedLeaf returns the digest in a segment instead of Leaf if the record did not match its mark when it was sealed.
// It permanently proves at this position that the record was changed or added before sealing.
func (r *Record) DisputedLeaf() Digest { return prefixedHash(2, r.Public) }

// ErrOpening means that the data beside the sealed bytes does not match their commitments.
var ErrOpening = errors.New("the personal part is not the one that was recorded")

// CheckOpening returns ErrOpening if the address, the user agent or the personal details differ from the recorded
// ones. It skips values that were erased as a whole.
func (r *Record) CheckOpening() error {
	p, err := ParsePublic(string(r.Public))
	if err != nil {
		return err
	}
	if p.ID != r.ID {
		return ErrOpening
	}
	switch {
	case r.ActorSalt == nil && (r.IPAddress != "" || r.UserAgent != ""),
		r.ActorSalt != nil && !equalText(p.Actor, r.actorCommitment()),
		r.PersonalSalt == nil && r.Personal != nil,
		r.PersonalSalt != nil && !equalText(p.Personal, r.personalCommitment()):
		return ErrOpening
	}
	return nil
}

// EraseActor erases the address and user agent of the actor.
func (r *Record) EraseActor() { r.IPAddress, r.UserAgent, r.ActorSalt = "", "", nil }

// ErasePersonal erases the details that identify a person.
func (r *Record) ErasePersonal() { r.Personal, r.PersonalSalt = nil, nil }

func equalText(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func (r *Record) actorCommitment() string {
	mac := hmac.New(sha256.New, r.ActorSalt)
	mac.Write(fmt.Appendf(nil, "actor|%d|", len(r.IPAddress))) // the length separates the two values
	mac.Write([]byte(r.IPAddress))
	mac.Write([]byte(r.UserAgent))
	return encode(mac.Sum(nil))
}

func (r *Record) personalCommitment() string {
	mac := hmac.New(sha256.New, r.PersonalSalt)
	mac.Write([]byte("personal|"))
	mac.Write(r.Personal)
	return encode(mac.Sum(nil))
}

// canonicalObject returns the object as JSON with sorted keys.
func canonicalObject(object map[string]any) ([]byte, error) {
	if len(object) == 0 {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
