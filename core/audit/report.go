package audit

import (
	"cmp"
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
type Finding struct { //nolint:errname // it is a result; as an error it ends a verification
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

// Error returns the finding as one sentence. As an error it ends a verification.
func (f *Finding) Error() string {
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
			text += fmt.Sprintf(" at position %d", f.Seq)
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
	key      string // that must have signed
	previous *auditformat.Checkpoint
	known    map[int64]auditformat.Checkpoint
	newest   int64 // the greatest number of a known checkpoint
	disagree int64 // the number of a segment with two different known checkpoints; 0 for none
}

// newSegmentChecker returns a segmentChecker. Without a trusted key, key must have signed; if that is empty too, the
// key of the first segment.
func newSegmentChecker(trust Trust, key string) *segmentChecker {
	c := &segmentChecker{key: key, known: map[int64]auditformat.Checkpoint{}}
	if trust.Key != "" {
		c.key = auditformat.KeyID(trust.Key)
	}
	for _, checkpoint := range trust.Checkpoints {
		if known, ok := c.known[checkpoint.Number]; ok && !isSame(&known, &checkpoint) {
			c.disagree = checkpoint.Number
		}
		c.known[checkpoint.Number] = checkpoint
		c.newest = max(c.newest, checkpoint.Number)
	}
	return c
}

func isSame(a, b *auditformat.Checkpoint) bool { return a.Root == b.Root && a.Size == b.Size }

// check returns a *Finding about the segment, or nil if it is intact and follows the previous one. The entries of a
// stream are compared with the root later, and the segments of other processes are missing in it.
func (c *segmentChecker) check(s *sealedSegment) error {
	if p := c.previous; p != nil && s.streamed && s.Number != p.Number+1 {
		if s.Number <= p.Number {
			return &Finding{
				Damage: DamageAdded, Seq: s.First, Line: s.line,
				Reason: fmt.Sprintf("the checkpoint of segment %d follows that of segment %d", s.Number, p.Number),
			}
		}
		c.previous = nil
	}
	for _, check := range []func(*sealedSegment) string{c.signed, c.rooted, c.follows} {
		if reason := check(s); reason != "" {
			return &Finding{
				Damage: DamageProof, Seq: s.First, Line: s.line,
				Reason: fmt.Sprintf("segment %d %s", s.Number, reason),
			}
		}
	}
	if next := c.next(s); s.First != next {
		return &Finding{Damage: DamageRemoved, Seq: next, Line: s.line, Reason: "it was removed before it was sealed"}
	}
	c.previous = &s.Checkpoint
	return nil
}

func (c *segmentChecker) signed(s *sealedSegment) string {
	if c.key == "" {
		c.key = s.KeyID
	}
	if s.KeyID != c.key {
		return "was signed by another key"
	}
	if !auditformat.IsSigned(s.KeyID, s.Text(), s.Signature) {
		return "is not signed by its key"
	}
	return ""
}

// rooted checks the root. Only the first segment may lack its digests: retention has removed what it sealed.
func (c *segmentChecker) rooted(s *sealedSegment) string {
	switch {
	case s.Count < 1 || s.First < 1:
		return "contains no entries"
	case s.streamed:
		return ""
	case len(s.Leaves) == 0 && c.previous != nil:
		return "lacks the digests of its entries"
	case !s.IsRooted():
		return "has another root than its entries"
	}
	return ""
}

func (c *segmentChecker) follows(s *sealedSegment) string {
	if p := c.previous; p != nil {
		if s.Number != p.Number+1 || s.Previous != p.Root || s.Size > 0 && s.Size != p.Size+1+s.Count {
			return fmt.Sprintf("does not follow segment %d", p.Number)
		}
	}
	if c.disagree == s.Number {
		return "has two different checkpoints among those that were kept"
	}
	if known, ok := c.known[s.Number]; ok && !isSame(&known, &s.Checkpoint) {
		return "is another than the one whose checkpoint was kept"
	}
	return ""
}

// next returns the position at which the segment must begin.
func (c *segmentChecker) next(s *sealedSegment) int64 {
	switch {
	case c.previous != nil:
		return c.previous.Last() + 1
	case s.Number == 1:
		return 1
	default:
		return s.First
	}
}

// missing returns a *Finding if a known checkpoint is after the last segment: the newest part was removed.
func (c *segmentChecker) missing() error {
	last := cmp.Or(c.previous, &auditformat.Checkpoint{})
	if c.newest <= last.Number {
		return nil
	}
	return &Finding{
		Damage: DamageRemoved, Seq: max(last.Last(), 0) + 1,
		Reason: fmt.Sprintf("the log ends before segment %d, whose checkpoint was kept", c.newest),
	}
}

const (
	// reasonForged is the reason that a disputed leaf proves.
	reasonForged = "it was changed, or added by another program, before it was sealed"
	// reasonLine is the reason for a line that cannot be parsed.
	reasonLine = "it is not as the service writes entries"
)

// compare returns the damage of an entry at its claimed position in the segment.
func compare(s *auditformat.Segment, e *entry) error {
	sealed, ok := s.Leaf(e.Seq)
	if !ok {
		return unplaced(e)
	}
	leaf := e.Leaf()
	if leaf == sealed {
		return opened(e)
	}
	if e.DisputedLeaf() == sealed {
		return about(DamageChanged, e, reasonForged)
	}
	for seq := s.First; seq <= s.Last(); seq++ {
		if at, _ := s.Leaf(seq); at == leaf {
			return about(DamageMoved, e, fmt.Sprintf("it was sealed at position %d", seq))
		}
	}
	return about(DamageChanged, e, "it is not what was sealed at its position")
}

// opened returns the damage of an entry whose personal data does not match its commitment.
func opened(e *entry) error {
	if err := e.CheckOpening(); err != nil {
		return about(DamageChanged, e, err.Error())
	}
	return nil
}
