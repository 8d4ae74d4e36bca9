package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/ostiary/ostiary/core/auditformat"
)

// errEnough ends an iteration early.
var errEnough = errors.New("enough")

// maxIncluded limits the positions of a filtered export that are kept in memory, one bit each.
const maxIncluded = 1 << 23

// exportWriter writes the lines of an export. Errors of its buffer are reported by Flush.
type exportWriter struct {
	format   Format
	proved   bool // the proof follows the entries
	filtered bool
	to       *bufio.Writer
	digest   hash.Hash // of what was written, without the byte order mark
	line     []byte    // reused for every line
	count    int64
	low      int64 // the lowest and highest positions written
	high     int64
	included []byte // the bit set of the positions written, from low
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

func newExportWriter(e *Export, w io.Writer) (*exportWriter, error) {
	if e.bom {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return nil, err
		}
	}
	out := &exportWriter{format: e.format, proved: e.proved, filtered: !e.isComplete(), digest: sha256.New()}
	if e.proved {
		w = io.MultiWriter(w, out.digest)
	}
	out.to = bufio.NewWriterSize(w, exportBuffer)
	switch e.format {
	case FormatCSV:
		out.put(auditformat.CSVHeader + "\r\n")
	case FormatJSON:
		out.put(jsonHead)
	case FormatNDJSON:
	}
	return out, nil
}

func (w *exportWriter) put(text string) { _, _ = w.to.WriteString(text) }

// entry writes one entry. An error of the underlying writer ends the export at the next full buffer.
func (w *exportWriter) entry(r *auditformat.Record) (err error) {
	w.line = w.line[:0]
	switch w.format {
	case FormatCSV:
		if w.line, err = r.AppendRow(w.line); err != nil {
			return err
		}
		w.line = append(w.line, "\r\n"...)
	case FormatJSON:
		if w.count > 0 {
			w.put(",\n")
		}
		w.line = r.AppendJSON(w.line)
	case FormatNDJSON:
		w.line = append(r.AppendJSON(w.line), '\n')
	}
	if w.count == 0 {
		w.low = r.Seq
	}
	w.count++
	w.high = r.Seq
	if w.filtered && w.proved {
		w.include(r.Seq - w.low)
	}
	_, err = w.to.Write(w.line)
	return err
}

func (w *exportWriter) include(at int64) {
	if at < 0 || at >= maxIncluded {
		return
	}
	for int64(len(w.included)) <= at/8 {
		w.included = append(w.included, 0)
	}
	w.included[at/8] |= 1 << (at % 8)
}

// segment writes a segment. In a filtered export it says which entries of the segment are included.
func (w *exportWriter) segment(s *auditformat.Segment) error {
	var included []byte
	if w.filtered && s.Last()-w.low < maxIncluded {
		included = make([]byte, (s.Count+7)/8)
		for i := range s.Count {
			if at := s.First + i - w.low; at >= 0 && at/8 < int64(len(w.included)) && w.included[at/8]>>(at%8)&1 == 1 {
				included[i/8] |= 1 << (i % 8)
			}
		}
	}
	text, err := auditformat.SegmentLine(s, included)
	if err != nil {
		return err
	}
	return w.proof(text, false)
}

func (w *exportWriter) beginProof() {
	if w.format != FormatJSON {
		return
	}
	if w.count > 0 {
		w.put("\n")
	}
	w.put(jsonSwitch)
}

// proof writes one line of the proof. Its text is the same in all formats; only the frame differs.
func (w *exportWriter) proof(text []byte, last bool) error {
	switch w.format {
	case FormatCSV:
		w.line = append(append(append(w.line[:0], csvComment...), text...), "\r\n"...)
	case FormatJSON:
		w.line = append(w.line[:0], text...)
		if !last {
			w.line = append(w.line, ',')
		}
		w.line = append(w.line, '\n')
	case FormatNDJSON:
		w.line = append(append(w.line[:0], text...), '\n')
	}
	_, err := w.to.Write(w.line)
	return err
}

// sum returns the digest of the file so far.
func (w *exportWriter) sum() (string, error) {
	err := w.to.Flush()
	return hex.EncodeToString(w.digest.Sum(nil)), err
}

func (w *exportWriter) end() error {
	if w.format == FormatJSON {
		if !w.proved && w.count > 0 {
			w.put("\n")
		}
		w.put(jsonEnd)
	}
	return w.to.Flush()
}
