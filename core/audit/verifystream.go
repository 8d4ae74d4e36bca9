package audit

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/ostiary/ostiary/core/auditformat"
)

// isStream reports whether a file is the output of a checkpoint sink. An export can also begin with its segments, but
// those have leaves.
func isStream(r io.Reader) (bool, error) {
	first, err := newLines(r, FormatNDJSON, maxLine).next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errLongLine):
		return false, nil
	case err != nil:
		return false, err
	case bytes.HasPrefix(first, []byte(auditformat.EntryBegin)):
		return true, nil
	}
	s, _, err := auditformat.ParseSegment(first)
	return err == nil && len(s.Leaves) == 0, nil
}

// streamSource is the output of a checkpoint sink: each checkpoint follows the entries that it seals. The stream of one
// process of several lacks the segments of the others. Personal data cannot be verified, since a stream has no salts.
type streamSource struct {
	open    func() *io.SectionReader
	waiting []entry // entries whose checkpoint has not been read yet
	gaps    bool
}

func verifyStream(open func() *io.SectionReader, trust Trust) (Report, error) {
	source := &streamSource{open: open}
	v := newVerifier(source, trust, "")
	report, err := v.run(v.trailing, func() error {
		v.report.Complete = !source.gaps
		if source.gaps {
			return nil
		}
		return v.checker.missing()
	})
	report.Erased = 0
	return report, err
}

func (s *streamSource) segments(yield func(*sealedSegment) error) error {
	before := int64(0)
	return s.each(func(e *entry) error {
		if s.waiting = append(s.waiting, *e); len(s.waiting) > maxSegment {
			return about(DamageAdded, e, "no checkpoint seals so many entries")
		}
		return nil
	}, func(raw []byte, line int64) error {
		segment, _, err := auditformat.ParseSegment(raw)
		if err != nil {
			return &Finding{Damage: DamageProof, Line: line, Reason: "a checkpoint cannot be read"}
		}
		complete := len(s.waiting) > 0
		s.gaps = s.gaps || !complete || before > 0 && segment.Number != before+1
		before, segment.Leaves = segment.Number, nil
		err = yield(&sealedSegment{Segment: segment, line: line, streamed: true, complete: complete})
		if err == nil && len(s.waiting) > 0 {
			return unplaced(&s.waiting[0])
		}
		return err
	})
}

func (s *streamSource) entries(last int64, yield func(*entry) error) error {
	for len(s.waiting) > 0 && (s.waiting[0].Seq <= last || s.waiting[0].broken != "") {
		e := s.waiting[0]
		s.waiting = s.waiting[1:]
		if err := yield(&e); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamSource) all(yield func(*entry) error) error {
	return s.each(func(e *entry) error {
		if e.broken != "" {
			return nil
		}
		return yield(e)
	}, func([]byte, int64) error { return nil })
}

// each calls entries or checkpoints for each line.
func (s *streamSource) each(entries func(*entry) error, checkpoints func(raw []byte, line int64) error) error {
	for lines := newLines(s.open(), FormatNDJSON, exportBuffer); ; {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		raw = bytes.TrimSuffix(raw, []byte("\n"))
		if bytes.HasPrefix(raw, []byte(auditformat.EntryBegin)) {
			err = entries(streamEntry(raw, lines.number))
		} else {
			err = checkpoints(raw, lines.number)
		}
		if err != nil {
			return err
		}
	}
}

// streamEntry parses the line of an entry. The text of the entry must be as it was sealed.
func streamEntry(raw []byte, number int64) *entry {
	r, err := auditformat.ParseEntry(raw)
	e := &entry{Record: r, line: number}
	if err != nil || len(r.Public) == 0 {
		e.broken = reasonLine
		return e
	}
	begin := append([]byte(auditformat.EntryBegin), r.Public[:len(r.Public)-1]...)
	begin = strconv.AppendInt(append(begin, `,"seq":`...), r.Seq, 10)
	if rest, ok := bytes.CutPrefix(raw, begin); !ok || !bytes.HasPrefix(rest, []byte(`,"ip_address":"`)) || r.Seq < 1 {
		e.broken = reasonLine
	}
	return e
}
