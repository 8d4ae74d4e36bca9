package mongostore

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/auditformat"
)

// document is the set of types that are stored as the doc of a record.
type document interface {
	records.Kind | attemptsDocument | signingDocument | auditHead
}

// codec encodes an entity as its document and decodes it.
type codec[T any] struct {
	encode func(*T) (bson.Raw, error)
	decode func(bson.Raw) (T, error)
}

// form returns the codec of entities whose document type is R. A document is decoded into the result of base, or into a
// zero R if base is nil.
func form[T any, R document](base func() R, record func(*T) R, entity func(*R) T) codec[T] {
	return codec[T]{
		encode: func(t *T) (bson.Raw, error) {
			r := record(t)
			return encode(&r)
		},
		decode: func(raw bson.Raw) (T, error) {
			var r R
			if base != nil {
				r = base()
			}
			if err := decode(raw, &r); err != nil {
				var none T
				return none, err
			}
			return entity(&r), nil
		},
	}
}

var (
	userForm      = form(nil, records.NewUser, (*records.User).Domain)
	sessionForm   = form(nil, records.NewSession, (*records.Session).Domain)
	keyForm       = form(nil, records.NewAPIKey, (*records.APIKey).Domain)
	tokenForm     = form(nil, records.NewThirdPartyToken, (*records.ThirdPartyToken).Domain)
	roleForm      = form(nil, records.NewRole, (*records.Role).Domain)
	groupForm     = form(nil, records.NewGroup, (*records.Group).Domain)
	settingsForm  = form(records.StoredSettings, records.NewSettings, (*records.Settings).Domain)
	attemptsForm  = form(nil, newAttemptsDocument, (*attemptsDocument).domain)
	signingForm   = form(nil, newSigningDocument, (*signingDocument).domain)
	auditHeadForm = form(nil, func(h *auditHead) auditHead { return *h }, func(h *auditHead) auditHead { return *h })
)

// attemptsDocument is the document of accountAttempts.
type attemptsDocument struct {
	records.Attempts `bson:",inline"`
	KeptUntil        time.Time `bson:"keptuntil"`
}

func newAttemptsDocument(a *accountAttempts) attemptsDocument {
	return attemptsDocument{Attempts: records.NewAttempts(&a.Attempts), KeptUntil: a.KeptUntil}
}

func (d *attemptsDocument) domain() accountAttempts {
	return accountAttempts{Attempts: d.Domain(), KeptUntil: d.KeptUntil}
}

// signingDocument is the document of a signingSet.
type signingDocument struct {
	Version int64                `bson:"version"`
	Keys    []records.SigningKey `bson:"keys"`
}

func newSigningDocument(set *signingSet) signingDocument {
	d := signingDocument{Version: set.Version}
	for i := range set.Keys {
		d.Keys = append(d.Keys, records.NewSigningKey(&set.Keys[i]))
	}
	return d
}

func (d *signingDocument) domain() signingSet {
	set := signingSet{Version: d.Version}
	for i := range d.Keys {
		set.Keys = append(set.Keys, d.Keys[i].Domain())
	}
	return set
}

// segmentRecord is the stored form of a segment of the audit log. SQLite stores it in columns.
type segmentRecord struct {
	Checkpoint checkpointRecord `bson:"auditcheckpoint"`
	Size       int64            `bson:"size,omitempty"` // of the Merkle tree
	Tree       []byte           `bson:"tree,omitempty"`
	Leaves     []byte           `bson:"leaves"`
}

type checkpointRecord struct {
	Number    int64              `bson:"number"`
	First     int64              `bson:"first"`
	Count     int64              `bson:"count"`
	Previous  auditformat.Digest `bson:"previous"`
	Root      auditformat.Digest `bson:"root"`
	SealedAt  time.Time          `bson:"sealedat"`
	KeyID     string             `bson:"keyid"`
	Signature []byte             `bson:"signature"`
}

func newSegmentRecord(s *auditformat.Segment) segmentRecord {
	return segmentRecord{
		Checkpoint: checkpointRecord{
			Number: s.Number, First: s.First, Count: s.Count, Previous: s.Previous, Root: s.Root, SealedAt: s.SealedAt,
			KeyID:     s.KeyID,
			Signature: s.Signature,
		},
		Size: s.Size, Tree: s.Tree, Leaves: s.Leaves,
	}
}

func (r *segmentRecord) domain() auditformat.Segment {
	c := &r.Checkpoint
	return auditformat.Segment{
		Checkpoint: auditformat.Checkpoint{
			Number: c.Number, First: c.First, Count: c.Count, Previous: c.Previous, Root: c.Root, Size: r.Size,
			SealedAt: c.SealedAt,
			KeyID:    c.KeyID, Signature: c.Signature,
		},
		Tree: r.Tree, Leaves: r.Leaves,
	}
}
