package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/core/domain"
)

// streamEntry begins the line of an entry in the output of checkpoint sinks. The checkpoint that seals it follows.
const streamEntry = `{"entry":`

// isStream reports whether a file is the output of a checkpoint sink. An export can also begin with its segments, but
// those have leaves.
func isStream(r io.Reader) (bool, error) {
	first, err := newLines(r, FormatNDJSON, csvForm, maxLine).next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errLongLine):
		return false, nil
	case err != nil:
		return false, err
	case bytes.HasPrefix(first, []byte(streamEntry)):
		return true, nil
	}
	var p proofLine
	return json.Unmarshal(first, &p) == nil && p.Segment != nil && p.Segment.Leaves == "", nil
}

// streamVerifier compares the entries of a stream with the checkpoints that follow them. The stream of one process of
// several lacks the segments of the others. Personal data cannot be verified, since a stream has no salts.
type streamVerifier struct {
	open     func() *io.SectionReader
	lines    *lines
	trust    Trust
	segments *segmentChecker
	ids      *duplicates
	report   Report
	waiting  []streamLine // entries whose checkpoint has not been read yet
	last     int64        // the position of the last entry read
	gaps     bool
}

// streamLine is an entry of a stream.
type streamLine struct {
	auditformat.Record

	number int64
}

func verifyStream(open func() *io.SectionReader, trust Trust) (Report, error) {
	v := &streamVerifier{
		open: open, trust: trust, ids: newDuplicates(recentIDs, lateIDs),
		lines: newLines(open(), FormatNDJSON, csvForm, exportBuffer),
	}
	for v.report.Finding == nil {
		raw, err := v.lines.next()
		if errors.Is(err, io.EOF) {
			err = v.conclude()
			return v.report, err
		}
		if err != nil {
			return v.report, err
		}
		if err := v.line(bytes.TrimSuffix(raw, []byte("\n"))); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

func (v *streamVerifier) found(f *Finding) {
	if f != nil && v.report.Finding == nil {
		if f.Line == 0 {
			f.Line = v.lines.number
		}
		v.report.Finding = f
	}
}

func (v *streamVerifier) line(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(streamEntry)) {
		r, ok := parseStreamEntry(raw)
		if !ok {
			v.found(&Finding{Damage: DamageChanged, Seq: r.Seq, ID: r.ID, Reason: errChangedLine.Error()})
			return nil
		}
		return v.entry(r)
	}
	if c, err := ParseCheckpoint(raw); err == nil {
		v.checkpoint(c)
		return nil
	}
	v.found(&Finding{Damage: DamageProof, Reason: "a checkpoint cannot be read"})
	return nil
}

// parseStreamEntry parses the line of an entry. The text of the entry must be as it was sealed.
func parseStreamEntry(raw []byte) (auditformat.Record, bool) {
	var outer struct {
		Entry jsonLine `json:"entry"`
	}
	if json.Unmarshal(raw, &outer) != nil {
		return auditformat.Record{}, false
	}
	l, err := outer.Entry.line()
	if err != nil || len(l.Public) == 0 {
		return l.Record, false
	}
	begin := append([]byte(streamEntry), l.Public[:len(l.Public)-1]...)
	begin = strconv.AppendInt(append(begin, `,"seq":`...), l.Seq, 10)
	rest, ok := bytes.CutPrefix(raw, begin)
	return l.Record, ok && bytes.HasPrefix(rest, []byte(`,"ip_address":"`)) && l.Seq > 0
}

func (v *streamVerifier) entry(r auditformat.Record) error {
	if r.Seq <= v.last {
		return v.misplaced(&r)
	}
	v.found(v.ids.see(r.ID, r.Seq).finding())
	v.last = r.Seq
	v.waiting = append(v.waiting, streamLine{r, v.lines.number})
	if len(v.waiting) > maxSegment {
		v.found(&Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no checkpoint seals so many entries"})
	}
	return nil
}

// misplaced reports an entry after one with a later position: a copy, if an earlier entry has its position.
func (v *streamVerifier) misplaced(r *auditformat.Record) error {
	found := &Finding{
		Damage: DamageMoved, Seq: r.Seq, ID: r.ID, Line: v.lines.number, Reason: "it is behind entries that were written after it",
	}
	err := v.each(func(earlier *auditformat.Record, at int64) error {
		switch {
		case at >= found.Line:
			return errEnough
		case earlier.Seq == r.Seq:
			found.Damage, found.Reason = DamageAdded, fmt.Sprintf("its place occurs twice, before in line %d", at)
			return errEnough
		}
		return nil
	})
	v.found(found)
	return unless(err, errEnough)
}

// each calls yield for each entry of the stream with the number of its line.
func (v *streamVerifier) each(yield func(r *auditformat.Record, at int64) error) error {
	for again := newLines(v.open(), FormatNDJSON, csvForm, exportBuffer); ; {
		raw, err := again.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(raw, []byte(streamEntry)) {
			continue
		}
		if r, ok := parseStreamEntry(bytes.TrimSuffix(raw, []byte("\n"))); ok {
			if err := yield(&r, again.number); err != nil {
				return err
			}
		}
	}
}

// checkpoint verifies a checkpoint, and that the entries before it are those that it seals.
func (v *streamVerifier) checkpoint(c auditformat.Checkpoint) {
	if v.segments == nil {
		v.segments = newSegmentChecker(v.trust, c.KeyID)
		v.report.Key = c.KeyID
	}
	if before := v.segments.previous; before != nil {
		if c.Number <= before.Number {
			v.found(&Finding{
				Damage: DamageAdded, Seq: c.First,
				Reason: fmt.Sprintf("the checkpoint of segment %d stands behind that of segment %d", c.Number, before.Number),
			})
			return
		}
		if c.Number != before.Number+1 {
			v.gaps, v.segments.previous = true, nil // another process has sealed the segments in between
		}
	}
	s := auditformat.Segment{Checkpoint: c}
	if v.found(v.segments.checkSealed(&s)); v.report.Finding != nil {
		return
	}
	v.report.Segments++
	if len(v.waiting) == 0 {
		v.gaps = true
		return
	}
	v.found(v.seals(&s))
	v.waiting = v.waiting[:0]
}

// seals completes the segment with the digests of the entries before its checkpoint, and returns the damage if they
// are not the entries that it seals.
func (v *streamVerifier) seals(s *auditformat.Segment) *Finding {
	if s.Count < 1 {
		return &Finding{Damage: DamageProof, Seq: s.First, Reason: fmt.Sprintf("segment %d holds no entries", s.Number)}
	}
	next := s.First
	var digests []auditformat.Digest
	for i := range v.waiting {
		l := &v.waiting[i]
		if l.Seq > next || l.Seq < s.First {
			damage, seq := DamageRemoved, next
			if l.Seq < s.First {
				damage, seq = DamageAdded, l.Seq
			}
			return &Finding{Damage: damage, Seq: seq, Line: l.number, Reason: sealsReason(s)}
		}
		digests = append(digests, l.Leaf())
		next++
	}
	switch {
	case next <= s.Last():
		return &Finding{Damage: DamageRemoved, Seq: next, Reason: sealsReason(s)}
	case next > s.Last()+1:
		l := &v.waiting[s.Count]
		return &Finding{Damage: DamageAdded, Seq: l.Seq, ID: l.ID, Line: l.number, Reason: sealsReason(s)}
	}
	v.report.Entries += s.Count
	if v.report.First == 0 {
		v.report.First = s.First
	}
	v.report.Last = s.Last()
	s.Leaves = auditformat.JoinLeaves(digests)
	if s.ComputeRoot() == s.Root {
		return nil
	}
	return v.disputed(s)
}

func sealsReason(s *auditformat.Segment) string {
	return fmt.Sprintf("segment %d seals the entries from place %d to %d", s.Number, s.First, s.Last())
}

// disputed finds the one entry that changes the root: one that was sealed as disputed, or was changed.
func (v *streamVerifier) disputed(s *auditformat.Segment) *Finding {
	for i := range v.waiting {
		l := &v.waiting[i]
		leaf := s.Leaves[i*len(s.Root) : (i+1)*len(s.Root)]
		was, is := l.Leaf(), l.DisputedLeaf()
		copy(leaf, is[:])
		if s.ComputeRoot() == s.Root {
			return &Finding{Damage: DamageChanged, Seq: l.Seq, ID: l.ID, Line: l.number, Reason: reasonForged}
		}
		copy(leaf, was[:])
	}
	return &Finding{
		Damage: DamageChanged, Line: v.waiting[0].number,
		Reason: fmt.Sprintf("it is among those of the places %d to %d, which are not what segment %d seals", s.First, s.Last(), s.Number),
	}
}

// conclude checks what can only be checked at the end of the stream.
func (v *streamVerifier) conclude() error {
	if len(v.waiting) > 0 {
		l := &v.waiting[0]
		v.found(&Finding{Damage: DamageAdded, Seq: l.Seq, ID: l.ID, Line: l.number, Reason: "no checkpoint behind it seals it"})
		return nil
	}
	if !v.gaps {
		v.found(v.segments.missing())
	}
	v.report.Complete = !v.gaps
	copied, err := v.ids.search(func(yield func(domain.LogID, int64) error) error {
		return v.each(func(r *auditformat.Record, _ int64) error { return yield(r.ID, r.Seq) })
	})
	v.found(copied.finding())
	return err
}
