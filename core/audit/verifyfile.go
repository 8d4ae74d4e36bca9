package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ostiary/ostiary/core/auditformat"
)

// maxLine limits one line of an export.
const maxLine = 4 << 20

// VerifyFile verifies an export, or a stream of checkpoint sinks, without the service and in constant memory: that it
// is what the service wrote, complete and in order. An error means that the file could not be read; a file that is
// not an export is a finding.
func VerifyFile(file io.ReaderAt, size int64, trust Trust) (Report, error) {
	from, err := contentStart(file)
	if err != nil {
		return Report{}, err
	}
	size -= from
	open := func() *io.SectionReader { return io.NewSectionReader(file, from, size) }
	stream, err := isStream(open())
	if err != nil {
		return Report{}, err
	}
	if stream {
		return verifyStream(open, trust)
	}
	layout, err := scanExport(open(), size)
	if err != nil {
		return Report{}, err
	}
	v := &fileVerifier{
		layout: layout,
		open:   func() *lines { return newLines(open(), layout.format, layout.form, size) },
		ids:    newDuplicates(recentIDs, lateIDs),
	}
	v.entries = v.open()
	proof := io.NewSectionReader(file, from+layout.proofAt, size-layout.proofAt)
	v.proofs = newLines(proof, layout.format, layout.form, size-layout.proofAt)
	if layout.statement != nil {
		v.report.Key, v.report.Complete = layout.statement.Key, layout.statement.Complete
	}
	v.segments = newSegmentChecker(trust, v.report.Key)
	for _, step := range []func() error{v.nextSegment, v.walk, v.copies, v.rest} {
		if err := step(); err != nil {
			return Report{}, err
		}
		if v.report.Finding != nil {
			return v.report, nil
		}
	}
	v.conclude(trust)
	return v.report, nil
}

// errUTF16 is returned for a file that a Windows program has saved as "Unicode"; its entries cannot be verified.
var errUTF16 = errors.New("the file is in UTF-16: export it again, or save it as UTF-8")

// contentStart returns the offset after the byte order mark. A UTF-16 mark is an error.
func contentStart(file io.ReaderAt) (int64, error) {
	var mark [len(byteOrderMark)]byte
	n, err := file.ReadAt(mark[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	switch start := string(mark[:n]); {
	case start == byteOrderMark:
		return int64(n), nil
	case strings.HasPrefix(start, "\xff\xfe"), strings.HasPrefix(start, "\xfe\xff"):
		return 0, errUTF16
	}
	return 0, nil
}

// fileVerifier compares the entries of an export with its proof.
type fileVerifier struct {
	layout   layout
	open     func() *lines // from the start
	entries  *lines
	proofs   *lines
	segments *segmentChecker
	ids      *duplicates
	report   Report

	segment  *auditformat.Segment // the current segment; nil if there is none, or no further one
	chain    chain
	previous line    // the previous entry
	before   int64   // the position of the entry before previous
	missing  int64   // the position of an entry that a later one names as its predecessor; 0 for none
	noticed  Finding // the entry that named it
}

// found stores the first finding. A finding without a line gets the number of the last line read.
func (v *fileVerifier) found(f Finding) {
	if v.report.Finding != nil {
		return
	}
	if f.Line == 0 {
		f.Line = v.entries.number
	}
	v.report.Finding = &f
}

// about returns a finding about an entry.
func about(damage Damage, l *line, reason string) Finding {
	return Finding{Damage: damage, Seq: l.Seq, ID: l.ID, Reason: reason}
}

// walk checks the entries until the first damage.
func (v *fileVerifier) walk() error {
	for v.entries.offset < v.layout.proofAt && v.report.Finding == nil {
		raw, err := v.entries.next()
		if err != nil {
			return err
		}
		if v.entries.isFrame(raw) {
			continue
		}
		if err := v.read(raw); err != nil {
			return err
		}
		if v.missing != 0 {
			return v.explain()
		}
	}
	return nil
}

// read checks the line of an entry. A line that cannot be parsed is a finding.
func (v *fileVerifier) read(raw []byte) error {
	l, body, broken := v.entries.parse(raw)
	if broken == nil {
		return v.entry(&l, body)
	}
	v.found(Finding{Damage: DamageChanged, Seq: v.expectedNext(), Reason: broken.Error()})
	return nil
}

// entry checks one entry and its reference to the previous one.
func (v *fileVerifier) entry(l *line, body []byte) error {
	if err := v.place(l); err != nil || v.missing != 0 || v.report.Finding != nil {
		return err
	}
	v.chain.next(body)
	if string(v.chain.appendLink(nil)) != l.link {
		v.found(about(DamageChanged, l, "its link does not fit what it says"))
		return nil
	}
	if err := v.sealed(&l.Record); err != nil || v.report.Finding != nil {
		return err
	}
	if copied := v.ids.see(l.ID, l.Seq); copied != nil {
		v.found(*copied.finding())
		return nil
	}
	v.before, v.previous = v.previous.Seq, *l
	v.report.Entries++
	v.report.Last = l.Seq
	if v.report.First == 0 {
		v.report.First = l.Seq
	}
	if l.ActorSalt == nil || l.PersonalSalt == nil {
		v.report.Erased++
	}
	return nil
}

// expectedNext returns the position of a line that cannot be parsed, if the export is complete.
func (v *fileVerifier) expectedNext() int64 {
	if v.report.Complete && v.previous.Seq > 0 {
		return v.previous.Seq + 1
	}
	return 0
}

// place checks that the entry follows the previous one: each entry names the position of its predecessor in the
// export, and a complete export has no gaps.
func (v *fileVerifier) place(l *line) error {
	first := v.previous.Seq == 0
	switch {
	case l.after == v.previous.Seq && l.Seq > l.after:
		if next := v.expected(l); l.Seq != next {
			v.found(Finding{Damage: DamageRemoved, Seq: next, Reason: "its place is empty"})
		}
	case l.after > v.previous.Seq:
		v.noticed = Finding{Seq: l.Seq, ID: l.ID, Line: v.entries.number}
		if v.missing = l.after; v.report.Complete {
			v.missing = v.expected(l)
		}
	case l.Seq == v.previous.Seq:
		v.found(about(DamageAdded, l, "its place occurs twice, before in the line above"))
	case !first && l.after == v.before && l.Seq > l.after:
		f := about(DamageAdded, &v.previous, "the entry after it does not know it")
		f.Line = v.entries.number - 1
		v.found(f)
	default:
		return v.misplaced(l)
	}
	return nil
}

// expected returns the position that the entry must have in a complete export; in a filtered export any later
// position is valid.
func (v *fileVerifier) expected(l *line) int64 {
	switch {
	case !v.report.Complete:
		return l.Seq
	case v.previous.Seq > 0:
		return v.previous.Seq + 1
	case v.segment != nil:
		return v.segment.First
	default:
		return l.Seq
	}
}

// sealed compares an entry with the segment that contains its position, if the export has segments.
func (v *fileVerifier) sealed(r *auditformat.Record) error {
	for v.segment != nil && r.Seq > v.segment.Last() {
		if err := v.nextSegment(); err != nil || v.report.Finding != nil {
			return err
		}
	}
	var damage *Finding
	switch {
	case v.segment != nil:
		damage = compare(v.segment, r)
	case v.segments.seen > 0:
		damage = &Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no segment holds its place"}
	default:
		damage = opened(r)
	}
	if damage != nil {
		v.found(*damage)
	}
	return nil
}

// nextSegment reads and checks the next segment. The current one becomes nil if there is none.
func (v *fileVerifier) nextSegment() error {
	v.segment = nil
	for {
		raw, err := v.proofs.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, _ := v.proofs.proof(raw)
		if v.layout.isEnd(text, raw) {
			return nil
		}
		s, damage := v.readSegment(text)
		if damage == nil {
			damage = v.segments.check(&s)
		}
		if damage != nil {
			damage.Line = v.layout.proofLine + v.proofs.number - 1
			v.found(*damage)
			return nil
		}
		if len(s.Leaves) > 0 { // otherwise it is the checkpoint that retention has kept
			v.segment = &s
			v.report.Segments++
			return nil
		}
	}
}

func (v *fileVerifier) readSegment(text []byte) (auditformat.Segment, *Finding) {
	damage := &Finding{Damage: DamageProof, Reason: "a line of proof cannot be read"}
	var p proofLine
	if json.Unmarshal(text, &p) != nil || p.Segment == nil {
		return auditformat.Segment{}, damage
	}
	s, err := p.Segment.segment()
	if err != nil {
		return s, damage
	}
	return s, nil
}

// rest reads the segments after the last entry, and reports lines after the end.
func (v *fileVerifier) rest() error {
	for v.segment != nil {
		if err := v.nextSegment(); err != nil || v.report.Finding != nil {
			return err
		}
	}
	v.report.Finding = v.layout.damage
	return nil
}

// conclude checks the statements about the whole export, if no single entry was found to be damaged.
func (v *fileVerifier) conclude(trust Trust) {
	if s := v.layout.statement; s != nil {
		v.stated(s, trust)
		return
	}
	if v.layout.proved {
		v.found(Finding{
			Damage: DamageRemoved, Seq: v.expectedNext(), Reason: "the file ends without its statement: it was cut off, or the export was",
		})
		return
	}
	v.found(Finding{
		Damage: DamageUnproved, Line: v.entries.number,
		Reason: "it holds no proof; it was exported without one (\"proof\": true adds it), or was cut off",
	})
}

// stated checks the statement.
func (v *fileVerifier) stated(s *statementText, trust Trust) {
	switch {
	case trust.Key != "" && s.Key != trust.Key:
		v.found(Finding{Damage: DamageProof, Reason: "the export was signed by another key"})
	case !v.layout.signed:
		v.found(Finding{Damage: DamageProof, Reason: "the statement is not signed by its key"})
	case s.LastEntry != v.previous.Seq || s.Entries != v.report.Entries:
		v.found(Finding{
			Damage: DamageRemoved, Seq: v.previous.Seq + 1,
			Reason: fmt.Sprintf("the export had %d entries up to place %d", s.Entries, s.LastEntry),
		})
	case s.Complete && v.report.Segments == 0 && s.Entries > 0:
		v.found(Finding{Damage: DamageProof, Reason: "a complete export has its segments"})
	case s.Digest != v.layout.digest(v.chain):
		v.found(Finding{Damage: DamageProof, Reason: "the file is not the one that was signed"})
	}
}
