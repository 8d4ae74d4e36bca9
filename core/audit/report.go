package audit

import (
	"fmt"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/core/domain"
)

// Damage is what happened to an entry.
type Damage string

// The kinds of damage.
const (
	DamageChanged Damage = "changed"
	DamageRemoved Damage = "removed"
	DamageAdded   Damage = "added"
	DamageMoved   Damage = "moved"
	// DamageIndex is damage to the values by which a store's filters find the entry, not to the entry.
	DamageIndex Damage = "misfiled"
	// DamageProof is damage to the proof of the entries, not to one of them.
	DamageProof Damage = "proof"
	// DamageUnproved is a file without a proof of its entries.
	DamageUnproved Damage = "unproved"
)

// Finding is the first damage found.
type Finding struct {
	Damage Damage
	// Seq is the position of the entry in the log, 0 if it is unknown.
	Seq int64
	// ID is the entry's id, empty if it is unknown: the id of a removed entry is lost.
	ID domain.LogID
	// Line is the line of the file, from 1; 0 for a store.
	Line int64
	// Reason describes the mismatch.
	Reason string
}

// String returns the finding as one sentence.
func (f *Finding) String() string {
	text := "entry"
	switch f.Damage {
	case DamageProof:
		text = "the proof is damaged"
	case DamageUnproved:
		text = "it cannot be verified"
	default:
		if f.ID != "" {
			text += " " + string(f.ID)
		}
		if f.Seq > 0 {
			text += fmt.Sprintf(" at place %d", f.Seq)
		}
		text += " was " + string(f.Damage)
	}
	if f.Line > 0 {
		text += fmt.Sprintf(" (line %d)", f.Line)
	}
	return text + ": " + f.Reason
}

// Report is the result of a verification.
type Report struct {
	Entries  int64
	Segments int64
	// First and Last are the verified positions.
	First, Last int64
	// Complete reports that every entry between First and Last is included, which an export with filters does not
	// guarantee.
	Complete bool
	// Erased is the number of entries with erased personal data.
	Erased int64
	// Unsealed is the number of entries of a store that were written after the last segment and cannot be verified
	// yet.
	Unsealed int64
	// Key is the key of the signatures. Anyone who can replace the key can sign anything: compare it with a copy
	// stored elsewhere.
	Key string
	// Finding is the first damage, or nil.
	Finding *Finding
}

// Trust is what was stored out of reach of anyone who could have changed the log.
type Trust struct {
	// Key must have signed; if it is empty, the key in the file or store is accepted.
	Key string
	// Checkpoints must match the log.
	Checkpoints []auditformat.Checkpoint
}

// segmentChecker checks segments one after the other.
type segmentChecker struct {
	trust    Trust
	key      string
	previous *auditformat.Checkpoint
	seen     int64
	known    map[int64]auditformat.Checkpoint
	disagree int64 // the number of a segment with two different known checkpoints; 0 for none
}

func newSegmentChecker(trust Trust, key string) *segmentChecker {
	c := &segmentChecker{trust: trust, key: key, known: map[int64]auditformat.Checkpoint{}}
	for _, checkpoint := range trust.Checkpoints {
		if known, ok := c.known[checkpoint.Number]; ok && known.Root != checkpoint.Root {
			c.disagree = checkpoint.Number
		}
		c.known[checkpoint.Number] = checkpoint
	}
	return c
}

// check returns the damage of a segment, or nil if it is intact and follows the previous one.
func (c *segmentChecker) check(s *auditformat.Segment) *Finding {
	return c.accept(s, c.signed, c.rooted, c.follows)
}

// checkSealed is check for the segment of a stream, which has no digests: those of its entries were compared before,
// if the stream contains entries.
func (c *segmentChecker) checkSealed(s *auditformat.Segment) *Finding {
	return c.accept(s, c.signed, c.follows)
}

func (c *segmentChecker) accept(s *auditformat.Segment, checks ...func(*auditformat.Segment) string) *Finding {
	for _, check := range checks {
		if reason := check(s); reason != "" {
			return &Finding{Damage: DamageProof, Seq: s.First, Reason: fmt.Sprintf("segment %d %s", s.Number, reason)}
		}
	}
	if next := c.next(s); s.First != next {
		return &Finding{Damage: DamageRemoved, Seq: next, Reason: "it was gone before it was sealed"}
	}
	checkpoint := s.Checkpoint
	c.previous = &checkpoint
	c.seen++
	return nil
}

func (c *segmentChecker) signed(s *auditformat.Segment) string {
	wanted := c.trust.Key
	if wanted == "" {
		wanted = c.key
	}
	if s.KeyID != wanted {
		return "was signed by another key"
	}
	if !verifySignature(s.KeyID, s.Text(), s.Signature) {
		return "is not signed by its key"
	}
	return ""
}

// rooted checks the root. Only the first segment may lack its digests: retention has removed what it sealed.
func (c *segmentChecker) rooted(s *auditformat.Segment) string {
	switch {
	case s.Count < 1 || s.First < 1:
		return "holds no entries"
	case len(s.Leaves) == 0 && c.previous != nil:
		return "lacks the digests of its entries"
	case len(s.Leaves) == 0:
		return ""
	case int64(len(s.Leaves)) != s.Count*int64(len(s.Root)) || s.ComputeRoot() != s.Root:
		return "does not have the root that its entries make"
	}
	return ""
}

func (c *segmentChecker) follows(s *auditformat.Segment) string {
	if p := c.previous; p != nil && (s.Number != p.Number+1 || s.Previous != p.Root) {
		return fmt.Sprintf("does not follow segment %d", p.Number)
	}
	if c.disagree == s.Number {
		return "has two different checkpoints among those that were kept"
	}
	if known, ok := c.known[s.Number]; ok && known.Root != s.Root {
		return "is another than the one whose checkpoint was kept"
	}
	return ""
}

// next returns the position at which the segment must begin.
func (c *segmentChecker) next(s *auditformat.Segment) int64 {
	switch {
	case c.previous != nil:
		return c.previous.Last() + 1
	case s.Number == 1:
		return 1
	default:
		return s.First
	}
}

// missing returns the damage if a known checkpoint is after the last segment: the newest part was removed.
func (c *segmentChecker) missing() *Finding {
	last := auditformat.Checkpoint{}
	if c.previous != nil {
		last = *c.previous
	}
	for _, checkpoint := range c.trust.Checkpoints {
		if checkpoint.Number > last.Number {
			return &Finding{
				Damage: DamageRemoved, Seq: max(last.Last(), 0) + 1,
				Reason: fmt.Sprintf("the log ends before segment %d, whose checkpoint was kept", checkpoint.Number),
			}
		}
	}
	return nil
}

// reasonCopy returns the reason for an entry with the id of the entry at the given position.
func reasonCopy(place int64) string {
	return fmt.Sprintf("its id occurs twice: it is a copy of the entry at place %d", place)
}

// reasonForged is the reason that a disputed leaf proves.
const reasonForged = "it was changed, or added past the service, before it was sealed"

// compare returns the damage of a record at its claimed position in the segment.
func compare(s *auditformat.Segment, r *auditformat.Record) *Finding {
	sealed, ok := s.Leaf(r.Seq)
	if !ok {
		return &Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no segment holds its place"}
	}
	leaf := r.Leaf()
	if leaf == sealed {
		return opened(r)
	}
	if r.DisputedLeaf() == sealed {
		return &Finding{Damage: DamageChanged, Seq: r.Seq, ID: r.ID, Reason: reasonForged}
	}
	for seq := s.First; seq <= s.Last(); seq++ {
		if at, _ := s.Leaf(seq); at == leaf {
			return &Finding{Damage: DamageMoved, Seq: r.Seq, ID: r.ID, Reason: fmt.Sprintf("it was sealed at place %d", seq)}
		}
	}
	return &Finding{Damage: DamageChanged, Seq: r.Seq, ID: r.ID, Reason: "it is not what was sealed at its place"}
}

// opened returns the damage of a record whose personal part does not match its commitment.
func opened(r *auditformat.Record) *Finding {
	if err := r.CheckOpening(); err != nil {
		return &Finding{Damage: DamageChanged, Seq: r.Seq, ID: r.ID, Reason: err.Error()}
	}
	return nil
}
