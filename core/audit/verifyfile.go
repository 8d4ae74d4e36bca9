package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ostiary/ostiary/core/auditformat"
)

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
	source := &exportSource{size: size}
	if source.layout, err = scanExport(open(), size); err != nil {
		return Report{}, err
	}
	source.open = func(from int64) *lines {
		l := newLines(io.NewSectionReader(open(), from, size-from), source.layout.format, size-from)
		l.startOnly = source.layout.startOnly
		return l
	}
	source.lines = source.open(0)
	key, complete := "", false
	if s := source.layout.statement; s != nil {
		key, complete = s.Key, s.Complete
	}
	v := newVerifier(source, trust, key)
	v.report.Key, v.report.Complete, source.complete = key, complete, complete
	return v.run(v.unsealed, func() error { return source.conclude(v) })
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

// exportSource is an export.
type exportSource struct {
	layout   layout
	size     int64
	open     func(from int64) *lines
	complete bool
	lines    *lines
	next     *entry // was read, and is after the last segment that was asked for
	link     [sha256.Size]byte
}

// segments reads the segments of the proof.
func (s *exportSource) segments(yield func(*sealedSegment) error) error {
	for lines := s.open(s.layout.proofAt); ; {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, kind := lines.classify(raw)
		if kind > lineSegment {
			return nil
		}
		segment, included, err := auditformat.ParseSegment(text)
		line := s.layout.proofLine + lines.number - 1
		if err != nil {
			return &Finding{Damage: DamageProof, Line: line, Reason: "a line of proof cannot be read"}
		}
		err = yield(&sealedSegment{Segment: segment, line: line, complete: s.complete, included: included})
		if err != nil {
			return err
		}
	}
}

func (s *exportSource) entries(last int64, yield func(*entry) error) error {
	for {
		if s.next == nil {
			e, raw, err := s.read(s.lines)
			if e == nil || err != nil {
				return err
			}
			if s.next = e; s.layout.isLinked() {
				s.checkLink(raw)
			}
		}
		if s.next.Seq > last && s.next.broken == "" {
			return nil
		}
		e := s.next
		s.next = nil
		if err := yield(e); err != nil {
			return err
		}
	}
}

func (s *exportSource) all(yield func(*entry) error) error {
	for lines := s.open(0); ; {
		e, _, err := s.read(lines)
		if e == nil || err != nil {
			return err
		}
		if e.broken != "" {
			continue
		}
		if err := yield(e); err != nil {
			return err
		}
	}
}

// read returns the next entry before the proof, or nil at the end.
func (s *exportSource) read(lines *lines) (*entry, []byte, error) {
	for lines.offset < s.layout.proofAt {
		raw, err := lines.next()
		if err != nil {
			return nil, nil, err
		}
		if _, kind := lines.classify(raw); kind != lineEntry {
			continue
		}
		e := &entry{line: lines.number}
		if e.Record, err = lines.parse(raw); err != nil {
			e.broken = reasonLine
		}
		return e, raw, nil
	}
	return nil, nil, nil
}

// linkLength is how many bytes of the digest of a line of the first form are in it.
const linkLength = 12

// checkLink compares the link of a line of the first form with the digest of the text before it and of the line before.
func (s *exportSource) checkLink(raw []byte) {
	const member, end = `"link":"`, "\"}\n"
	at := bytes.LastIndexByte(raw, ',') + 1
	if s.layout.format != FormatCSV {
		at = bytes.LastIndex(raw, []byte(member)) + len(member)
	}
	s.link = sha256.Sum256(append(s.link[:], raw[:min(at, len(raw))]...))
	link := base64.RawURLEncoding.EncodeToString(s.link[:linkLength])
	wanted := []string{link + end}
	switch s.layout.format {
	case FormatJSON:
		wanted = append(wanted, link+"\"},\n")
	case FormatCSV:
		if wanted[0] = link + "\r\n"; link[0] == '-' {
			wanted[0] = "'" + wanted[0]
		}
	default:
	}
	rest := string(raw[min(at, len(raw)):])
	s.next.unlinked = rest != wanted[0] && rest != wanted[len(wanted)-1]
}

// conclude checks what concerns the file as a whole, if no single entry was found to be damaged.
func (s *exportSource) conclude(v *verifier) error {
	f := &Finding{Damage: DamageProof, Line: s.lines.number}
	switch stated, last := s.layout.statement, v.report.Last; {
	case s.layout.damage != nil:
		f = s.layout.damage
	case stated == nil && !s.layout.proved:
		f.Damage, f.Reason = DamageUnproved,
			`it contains no proof; it was exported without one ("proof": true adds it), or was cut off`
	case stated == nil:
		f.Damage, f.Seq, f.Reason = DamageRemoved, v.expected(), "the file ends without its statement: it was cut off, or the export was"
	case stated.LastEntry != last || stated.Entries != v.report.Entries:
		f.Damage, f.Seq = DamageRemoved, last+1
		f.Reason = fmt.Sprintf("the export had %d entries up to position %d", stated.Entries, stated.LastEntry)
	default:
		f.Reason = s.disputed(v)
	}
	if f.Reason == "" {
		return nil
	}
	return f
}

// disputed returns why the statement is not about the file, or "".
func (s *exportSource) disputed(v *verifier) string {
	switch stated := s.layout.statement; {
	case stated.Key != v.checker.key:
		return "the export was signed by another key"
	case !s.layout.signed:
		return "the statement is not signed by its key"
	case stated.Complete && v.report.Segments == 0 && stated.Entries > 0:
		return "a complete export has its segments"
	case !s.layout.isWhole(s.link):
		return "the file is not the one that was signed"
	}
	return ""
}
