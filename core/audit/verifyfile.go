package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ostiary/ostiary/core/domain"
)

// maxLine bounds one line of an export.
const maxLine = 4 << 20

// VerifyFile proves an export without the service and in constant memory: that it is what the service wrote, whole and
// in order. An error means that the file could not be read; what is no export at all is a finding.
func VerifyFile(file io.ReaderAt, size int64, trust Trust) (Report, error) {
	layout, err := scanExport(io.NewSectionReader(file, 0, size))
	if err != nil {
		return Report{}, err
	}
	v := &fileVerifier{
		layout:  layout,
		entries: newLines(io.NewSectionReader(file, 0, size), layout.format),
		proofs:  newLines(io.NewSectionReader(file, layout.proofAt, size-layout.proofAt), layout.format),
	}
	v.report.Finding = layout.damage
	if layout.statement != nil {
		v.report.Key, v.report.Complete = layout.statement.Key, layout.statement.Complete
	}
	v.segments = newSegmentChecker(trust, v.report.Key)
	if err := v.walk(); err != nil {
		return Report{}, err
	}
	v.conclude(trust)
	return v.report, nil
}

// layout is where the parts of an export are.
type layout struct {
	format    Format
	proofAt   int64 // where the lines of proof begin
	proofLine int64
	statement *statementText
	digest    string // of what stands before the statement
	damage    *Finding
}

// scanExport looks for the parts and digests the whole.
func scanExport(r io.Reader) (layout, error) {
	l := layout{proofAt: -1}
	head := bufio.NewReaderSize(r, exportBuffer)
	begin, err := head.Peek(len(csvHeader))
	if err != nil && !errors.Is(err, io.EOF) {
		return l, err
	}
	switch {
	case bytes.HasPrefix(begin, []byte(`{"logs":[`)):
		l.format = FormatJSON
	case bytes.HasPrefix(begin, []byte("{")):
		l.format = FormatNDJSON
	default:
		l.format = FormatCSV
	}
	digest := sha256.New()
	lines := newLines(head, l.format)
	for {
		at := lines.offset
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l, err
		}
		text, isProof := lines.proof(raw)
		if isProof && l.proofAt < 0 {
			l.proofAt, l.proofLine = at, lines.number
		}
		if isProof && bytes.HasPrefix(text, []byte(`{"export":`)) {
			l.digest = base64.RawURLEncoding.EncodeToString(digest.Sum(nil))
			l.readStatement(text, lines)
		} else if l.statement != nil && !(l.format == FormatJSON && string(raw) == "]}\n") {
			l.damage = &Finding{Damage: DamageAdded, Line: lines.number, Reason: "it stands behind the end of the export"}
		}
		digest.Write(raw)
	}
	if l.proofAt < 0 {
		l.proofAt = lines.offset
		l.proofLine = lines.number + 1
	}
	return l, nil
}

func (l *layout) readStatement(text []byte, lines *lines) {
	var p proofLine
	if err := json.Unmarshal(text, &p); err != nil || p.Export == nil {
		return
	}
	again, err := json.Marshal(p)
	if err != nil || !bytes.Equal(again, text) {
		l.damage = &Finding{Damage: DamageProof, Line: lines.number, Reason: "the statement at the end is not as it was written"}
	}
	if l.statement != nil {
		l.damage = &Finding{Damage: DamageProof, Line: lines.number, Reason: "there is a second statement"}
	}
	l.statement = p.Export
}

// fileVerifier compares the entries of an export with its proof.
type fileVerifier struct {
	layout   layout
	entries  *lines
	proofs   *lines
	segments *segmentChecker
	report   Report

	segment  *domain.AuditSegment // the present one; nil where there is none (any more)
	previous line                 // the entry before
	before   int64                // the place of the one before that
	missing  *line                // the first line that says that one before it is missing
}

// walk goes through the entries to the first damage.
func (v *fileVerifier) walk() error {
	damage := v.report.Finding
	v.report.Finding = nil
	if err := v.nextSegment(); err != nil || v.report.Finding != nil {
		return err
	}
	for v.entries.offset < v.layout.proofAt && v.report.Finding == nil {
		raw, err := v.entries.next()
		if err != nil {
			return err
		}
		if v.entries.isFrame(raw) {
			continue
		}
		if err := v.entry(raw); err != nil {
			return err
		}
	}
	if v.missing != nil {
		v.found(Finding{Damage: DamageRemoved, Seq: v.missing.after, Line: v.missing.seq, Reason: "the entry after it is still here"})
	}
	if v.report.Finding == nil {
		v.report.Finding = damage
	}
	return nil
}

func (v *fileVerifier) found(f Finding) {
	if v.report.Finding == nil {
		v.report.Finding = &f
	}
}

// entry checks one line.
func (v *fileVerifier) entry(raw []byte) error {
	l, body, err := v.entries.parse(raw)
	if v.missing != nil {
		// Something is missing before an earlier line. All that is left to know is whether it comes later.
		if err == nil && l.seq == v.missing.after {
			v.found(Finding{Damage: DamageMoved, Seq: l.seq, ID: l.ID, Line: v.entries.number, Reason: "it stands behind entries that were written after it"})
			v.missing = nil
		}
		return nil
	}
	if err != nil {
		v.found(Finding{Damage: DamageChanged, Seq: v.guess(), Line: v.entries.number, Reason: err.Error()})
		return nil
	}
	if !v.place(&l) {
		return nil
	}
	if linkOf(v.previous.link, body) != l.link {
		v.found(Finding{Damage: DamageChanged, Seq: l.seq, ID: l.ID, Line: v.entries.number, Reason: "its link does not fit what it says"})
		return nil
	}
	r, err := l.record()
	if err != nil {
		v.found(Finding{Damage: DamageChanged, Seq: l.seq, ID: l.ID, Line: v.entries.number, Reason: "a salt cannot be read"})
		return nil
	}
	if err := v.sealed(r); err != nil || v.report.Finding != nil {
		return err
	}
	v.before, v.previous = v.previous.seq, l
	v.report.Entries++
	v.report.Last = l.seq
	if v.report.First == 0 {
		v.report.First = l.seq
	}
	if r.ActorSalt == nil || r.PersonalSalt == nil {
		v.report.Erased++
	}
	return nil
}

// guess returns the place of a line that cannot be read, where the export is complete.
func (v *fileVerifier) guess() int64 {
	if v.report.Complete && v.previous.seq > 0 {
		return v.previous.seq + 1
	}
	return 0
}

// place checks that the line follows the one before it.
func (v *fileVerifier) place(l *line) bool {
	switch {
	case v.previous.seq == 0 && v.report.Complete && v.segment != nil && l.seq > v.segment.First:
		v.found(Finding{Damage: DamageRemoved, Seq: v.segment.First, Line: v.entries.number, Reason: "its place is empty"})
	case l.after == v.previous.seq && l.seq > l.after && (!v.report.Complete || v.previous.seq == 0 || l.seq == l.after+1):
		return true
	case l.after == v.before && v.previous.seq > 0 && l.after < v.previous.seq && l.seq > l.after && l.link != v.previous.link && l.seq != v.previous.seq:
		v.found(Finding{Damage: DamageAdded, Seq: v.previous.seq, ID: v.previous.ID, Line: v.entries.number - 1, Reason: "the entry after it does not know it"})
	case l.after > v.previous.seq:
		v.missing = &line{after: l.after, seq: v.entries.number}
	case l.after == v.previous.seq && l.seq > l.after+1:
		v.found(Finding{Damage: DamageRemoved, Seq: l.after + 1, Line: v.entries.number, Reason: "its place is empty"})
	case l.seq == v.previous.seq:
		v.found(Finding{Damage: DamageAdded, Seq: l.seq, ID: l.ID, Line: v.entries.number, Reason: "it is there twice"})
	default:
		v.found(Finding{Damage: DamageMoved, Seq: l.seq, ID: l.ID, Line: v.entries.number, Reason: "it does not belong behind the entry before it"})
	}
	return false
}

// sealed compares an entry with the segment that holds its place, where the export has segments.
func (v *fileVerifier) sealed(r *domain.AuditRecord) error {
	for v.segment != nil && r.Seq > v.segment.Last() {
		if err := v.nextSegment(); err != nil || v.report.Finding != nil {
			return err
		}
	}
	switch {
	case v.segment != nil:
		v.report.Finding = compare(v.segment, r)
	case v.segments.seen > 0:
		v.found(Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no segment holds its place"})
	default:
		if err := r.CheckOpening(); err != nil {
			v.found(Finding{Damage: DamageChanged, Seq: r.Seq, ID: r.ID, Reason: err.Error()})
		}
	}
	if v.report.Finding != nil && v.report.Finding.Line == 0 {
		v.report.Finding.Line = v.entries.number
	}
	return nil
}

// nextSegment reads and checks the next segment; the present one becomes nil when there is none.
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
		line := v.layout.proofLine + v.proofs.number - 1
		text, ok := v.proofs.proof(raw)
		var p proofLine
		if !ok || json.Unmarshal(text, &p) != nil || p.Segment == nil {
			if v.layout.isEnd(text, raw) {
				return nil
			}
			v.found(Finding{Damage: DamageProof, Line: line, Reason: "a line of proof cannot be read"})
			return nil
		}
		s, err := p.Segment.segment()
		if err != nil {
			v.found(Finding{Damage: DamageProof, Line: line, Reason: "a segment cannot be read"})
			return nil
		}
		base := v.segments.previous == nil && len(s.Leaves) == 0
		if f := v.segments.check(&s); f != nil {
			f.Line = line
			v.found(*f)
			return nil
		}
		if !base {
			v.segment = &s
			v.report.Segments++
			return nil
		}
	}
}

// isEnd reports whether a line of proof is the statement or what closes the file.
func (l *layout) isEnd(text, raw []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"export":`)) || l.format == FormatJSON && string(raw) == "]}\n"
}

// conclude checks what is said of the whole, once no single entry was found to be wrong.
func (v *fileVerifier) conclude(trust Trust) {
	s := v.layout.statement
	if v.report.Finding != nil {
		return
	}
	if s == nil {
		v.found(Finding{Damage: DamageRemoved, Seq: v.guess(), Line: v.layout.proofLine, Reason: "the file ends without its statement: it was cut off, or the export was"})
		return
	}
	for v.segment != nil && v.report.Finding == nil {
		if err := v.nextSegment(); err != nil {
			return
		}
	}
	text, err := s.text()
	signature, decoded := base64.RawURLEncoding.Strict().DecodeString(s.Signature)
	switch {
	case v.report.Finding != nil:
	case trust.Key != "" && s.Key != trust.Key:
		v.found(Finding{Damage: DamageProof, Reason: "the export was signed by another key"})
	case err != nil || decoded != nil || !verifySignature(s.Key, text, signature):
		v.found(Finding{Damage: DamageProof, Reason: "the statement is not signed by its key"})
	case s.LastEntry != v.previous.seq || s.Entries != v.report.Entries:
		v.found(Finding{
			Damage: DamageRemoved, Seq: v.previous.seq + 1, Line: v.layout.proofLine,
			Reason: fmt.Sprintf("the export had %d entries up to place %d", s.Entries, s.LastEntry),
		})
	case s.Complete && v.report.Segments == 0 && s.Entries > 0:
		v.found(Finding{Damage: DamageProof, Reason: "a complete export has its segments"})
	case s.Digest != v.layout.digest:
		v.found(Finding{Damage: DamageProof, Reason: "the file is not the one that was signed"})
	}
}
