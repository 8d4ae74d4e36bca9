package audit

import (
	"bufio"
	"encoding/base64"
	"errors"
	"hash"

	"github.com/ostiary/ostiary/core/auditformat"
)

// errEnough ends an iteration early.
var errEnough = errors.New("enough")

// exportWriter writes the lines of an export. Errors of its buffer are reported by Flush.
type exportWriter struct {
	format   Format
	proved   bool // the proof follows the entries
	to       *bufio.Writer
	line     []byte // reused for every line
	count    int64
	previous int64 // the position of the previous entry
	chain    chain
	proofs   hash.Hash // of the proof lines
	low      int64     // the lowest and highest positions written
	high     int64
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

func (w *exportWriter) begin(bom bool) {
	if bom {
		w.put(byteOrderMark)
	}
	switch w.format {
	case FormatCSV:
		w.put(csvHeader + "\r\n")
	case FormatJSON:
		w.put(`{"logs":[` + "\n")
	case FormatNDJSON:
	}
}

func (w *exportWriter) put(text string) { _, _ = w.to.WriteString(text) }

// entry writes one entry. An error of the underlying writer ends the export at the next full buffer.
func (w *exportWriter) entry(r *auditformat.Record) error {
	w.line = append(w.line[:0], w.chain[:]...)
	if w.format == FormatCSV {
		public, err := auditformat.ParsePublic(string(r.Public))
		if err != nil {
			return err
		}
		w.line = appendCSV(w.line, &public, r, w.previous, csvForm)
	} else {
		w.line = appendJSON(w.line, r, w.previous)
	}
	w.chain.next(w.line)
	if w.format == FormatJSON && w.count > 0 {
		w.put(",\n")
	}
	switch w.format {
	case FormatCSV:
		w.line = append(appendCell(w.line, w.chain.appendLink(nil), csvForm), "\r\n"...)
	case FormatJSON:
		w.line = append(w.chain.appendLink(w.line), endOfJSON...)
	case FormatNDJSON:
		w.line = append(append(w.chain.appendLink(w.line), endOfJSON...), '\n')
	}
	w.count++
	w.previous = r.Seq
	w.low, w.high = min(w.low, r.Seq), max(w.high, r.Seq)
	_, err := w.to.Write(w.line[room:])
	return err
}

func (w *exportWriter) beginProof() {
	if w.format != FormatJSON {
		return
	}
	if w.count > 0 {
		w.put("\n")
	}
	w.put(`],"proof":[` + "\n")
}

// proof writes one line of the proof. Its text is the same in all formats; only the frame differs.
func (w *exportWriter) proof(text []byte, last bool) error {
	w.proofs.Write(text)
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

// digest returns the value that is signed for the whole export: the digest of the end of the chain of lines and the
// proof.
func (w *exportWriter) digest() string {
	w.proofs.Write(w.chain[:])
	return base64.RawURLEncoding.EncodeToString(w.proofs.Sum(nil))
}

func (w *exportWriter) end() {
	if w.format != FormatJSON {
		return
	}
	if !w.proved && w.count > 0 {
		w.put("\n")
	}
	w.put(closing)
}
