package audit

import (
	"errors"
	"fmt"
	"math"

	"github.com/ostiary/ostiary/core/auditformat"
)

// entrySource is a store, an export or a stream: segments, and the entries that they seal. A *Finding is an error of
// its methods: it ends the verification.
type entrySource interface {
	// segments calls yield for each segment in order.
	segments(yield func(*sealedSegment) error) error
	// entries calls yield for the entries after the last one read, up to the first whose position is after last.
	entries(last int64, yield func(*entry) error) error
	// all calls yield for all entries, in a pass of its own.
	all(yield func(*entry) error) error
}

// entry is an entry of a source.
type entry struct {
	auditformat.Record

	line int64 // in a file
	// broken is why the line contains no entry, and unlinked that its link does not match it.
	broken   string
	unlinked bool
}

// sealedSegment is a segment of a source.
type sealedSegment struct {
	auditformat.Segment

	line     int64
	complete bool   // the source has all entries of the segment
	included []byte // the bit set of the entries that the source has; nil if that is unknown
	streamed bool   // the source has the entries in place of their digests
}

// holds reports whether the source must have the entry at the position.
func (s *sealedSegment) holds(seq int64) bool {
	at := seq - s.First
	return s.complete || at/8 < int64(len(s.included)) && s.included[at/8]>>(at%8)&1 == 1
}

// verifier compares the entries of a source with its segments, in constant memory, until the first damage.
type verifier struct {
	source   entrySource
	checker  *segmentChecker
	ids      *duplicates
	report   Report
	first    int64          // the position of the first entry that can be verified
	next     int64          // the position after the last entry
	streamed []streamedLeaf // the entries of the current segment of a stream
}

type streamedLeaf struct {
	entry          Finding
	leaf, disputed auditformat.Digest
}

func newVerifier(source entrySource, trust Trust, key string) *verifier {
	return &verifier{source: source, checker: newSegmentChecker(trust, key), ids: newDuplicates(recentIDs, lateIDs)}
}

// run verifies the source. rest is called for each entry after the last segment, and conclude at the end.
func (v *verifier) run(rest func(*entry) error, conclude func() error) (Report, error) {
	err := v.source.segments(v.segment)
	if err == nil {
		err = v.source.entries(math.MaxInt64, rest)
	}
	if err == nil {
		err = v.ids.search(v.source.all)
	}
	if err == nil {
		err = conclude()
	}
	if errors.As(err, &v.report.Finding) {
		err = nil
	}
	if v.report.Key == "" {
		v.report.Key = v.checker.key
	}
	return v.report, err
}

func (v *verifier) segment(s *sealedSegment) error {
	if err := v.checker.check(s); err != nil {
		return err
	}
	v.next = s.First
	if len(s.Leaves) == 0 && !s.streamed { // the checkpoint that retention has kept
		v.first, v.report.First = s.Last()+1, s.Last()+1
		return v.source.entries(s.Last(), unplaced)
	}
	if v.first == 0 {
		v.first = s.First
	}
	v.report.Segments++
	v.streamed = v.streamed[:0]
	err := v.source.entries(s.Last(), func(e *entry) error { return v.entry(s, e) })
	if err == nil {
		err = v.gap(s, s.Last()+1)
	}
	if err == nil && s.streamed && s.complete {
		err = v.resealed(s)
	}
	return err
}

// entry checks an entry that the segment must contain.
func (v *verifier) entry(s *sealedSegment, e *entry) error {
	switch {
	case e.broken != "":
		return v.broken(e)
	case e.Seq < v.first:
		return unplaced(e)
	case e.Seq < v.next:
		return v.repeated(e)
	}
	if err := v.gap(s, e.Seq); err != nil {
		return err
	}
	switch {
	case s.streamed:
		v.streamed = append(v.streamed, streamedLeaf{*about(DamageChanged, e, reasonForged), e.Leaf(), e.DisputedLeaf()})
	case len(s.included) > 0 && !s.holds(e.Seq):
		return about(DamageAdded, e, "the export did not contain it")
	default:
		if err := compare(&s.Segment, e); err != nil {
			return err
		}
	}
	return v.accept(e)
}

// unsealed checks an entry of an export without segments.
func (v *verifier) unsealed(e *entry) error {
	if e.broken != "" || e.Seq < v.next || v.report.Segments > 0 {
		return v.trailing(e)
	}
	if err := opened(e); err != nil {
		return err
	}
	return v.accept(e)
}

// trailing reports an entry after the last segment.
func (v *verifier) trailing(e *entry) error {
	switch {
	case e.broken != "":
		return v.broken(e)
	case e.Seq < v.next:
		return v.repeated(e)
	default:
		return unplaced(e)
	}
}

// accept counts an entry that is where it belongs.
func (v *verifier) accept(e *entry) error {
	if e.unlinked {
		return about(DamageChanged, e, "its link does not match it: it was changed, or the entry before it was removed")
	}
	if err := v.ids.see(e); err != nil {
		return err
	}
	v.next = e.Seq + 1
	v.report.Entries++
	v.report.Last = e.Seq
	if v.report.First == 0 {
		v.report.First = e.Seq
	}
	if e.ActorSalt == nil || e.PersonalSalt == nil {
		v.report.Erased++
	}
	return nil
}

func (v *verifier) broken(e *entry) error {
	f := about(DamageChanged, e, e.broken)
	f.Seq = v.expected()
	return f
}

// expected returns the position of an entry that cannot be read, or 0 if it is unknown.
func (v *verifier) expected() int64 {
	if v.report.Complete {
		return v.next
	}
	return 0
}

// gap reports the first position before the given one at which the entry is missing.
func (v *verifier) gap(s *sealedSegment, until int64) error {
	for seq := v.next; seq < until; seq++ {
		if s.holds(seq) {
			return v.missing(s, seq)
		}
	}
	return nil
}

// missing determines from the other entries why there is none at the position: the next entry was copied forward, or
// the missing one was moved back or removed.
func (v *verifier) missing(s *sealedSegment, seq int64) error {
	missing := &Finding{Damage: DamageRemoved, Seq: seq, Line: s.line, Reason: "there is no entry at its position"}
	var following *Finding
	read := int64(0)
	err := v.source.all(func(e *entry) error {
		read++
		switch {
		case read <= v.report.Entries:
		case following == nil:
			following = about(DamageAdded, e, "")
			missing.Line = min(s.line, e.line)
		case e.Seq == following.Seq:
			following.Reason = fmt.Sprintf("its position occurs twice, again in line %d", e.line)
			return following
		case e.Seq == seq && missing.Damage == DamageRemoved:
			missing = about(DamageMoved, e, "it follows entries that were written after it")
		}
		return nil
	})
	if err == nil {
		return missing
	}
	return err
}

// repeated reports an entry at a position that was read already: a copy, if an earlier entry has it.
func (v *verifier) repeated(e *entry) error {
	moved := about(DamageMoved, e, "it follows entries that were written after it")
	read := int64(0)
	err := v.source.all(func(earlier *entry) error {
		if read++; read > v.report.Entries {
			return moved
		}
		if earlier.Seq == e.Seq {
			return about(DamageAdded, e, fmt.Sprintf("its position occurs twice, before in line %d", earlier.line))
		}
		return nil
	})
	if err == nil {
		return moved
	}
	return err
}

// resealed compares the entries of a stream with the root of their segment. If one of them was sealed as disputed, or
// was changed, it is named.
func (v *verifier) resealed(s *sealedSegment) error {
	leaves := make([]auditformat.Digest, len(v.streamed))
	for i := range leaves {
		leaves[i] = v.streamed[i].leaf
	}
	s.Leaves = auditformat.JoinLeaves(leaves)
	if s.IsRooted() {
		return nil
	}
	for i, l := range v.streamed {
		leaves[i] = l.disputed
		if s.Leaves = auditformat.JoinLeaves(leaves); s.IsRooted() {
			return &l.entry
		}
		leaves[i] = l.leaf
	}
	return &Finding{
		Damage: DamageChanged, Line: v.streamed[0].entry.Line,
		Reason: fmt.Sprintf("it is one of the positions %d to %d, which differ from what segment %d seals", s.First, s.Last(),
			s.Number),
	}
}

// about returns a finding about an entry.
func about(damage Damage, e *entry, reason string) *Finding {
	return &Finding{Damage: damage, Seq: e.Seq, ID: e.ID, Line: e.line, Reason: reason}
}

// unplaced reports an entry at a position of no segment.
func unplaced(e *entry) error { return about(DamageAdded, e, "no segment contains its position") }
