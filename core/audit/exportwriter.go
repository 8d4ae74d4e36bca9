package audit

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
)

// errEnough ends a walk before its end.
var errEnough = errors.New("enough")

// exportWriter writes the lines of an export. Errors of its buffer stay there until Flush.
type exportWriter struct {
	format   Format
	to       *bufio.Writer
	line     []byte // reused for every line
	count    int64
	previous int64 // the place of the entry before
	link     string
	low      int64 // the lowest and highest places written
	high     int64
}

func (w *exportWriter) begin() {
	switch w.format {
	case FormatCSV:
		w.put(csvHeader + "\r\n")
	case FormatJSON:
		w.put(`{"logs":[` + "\n")
	case FormatNDJSON:
	}
}

func (w *exportWriter) put(text string) { _, _ = w.to.WriteString(text) }

// entry writes one entry. An error of the writer below ends the export at the next full buffer.
func (w *exportWriter) entry(r *domain.AuditRecord) error {
	l := line{
		seq: r.Seq, after: w.previous, ip: r.IPAddress, agent: r.UserAgent, personal: string(r.Personal),
		actorSalt: encodeSalt(r.ActorSalt), personalSalt: encodeSalt(r.PersonalSalt),
	}
	if w.format == FormatCSV {
		public, err := domain.ParseAuditPublic(string(r.Public))
		if err != nil {
			return err
		}
		l.AuditPublic = public
		w.line = l.appendCSV(w.line[:0])
	} else {
		w.line = l.appendJSON(w.line[:0], r.Public)
	}
	w.link = linkOf(w.link, w.line)
	if w.format == FormatJSON && w.count > 0 {
		w.put(",\n")
	}
	switch w.format {
	case FormatCSV:
		w.line = append(appendCell(w.line, w.link), "\r\n"...)
	case FormatJSON:
		w.line = append(append(w.line, w.link...), endOfJSON...)
	case FormatNDJSON:
		w.line = append(append(append(w.line, w.link...), endOfJSON...), '\n')
	}
	w.count++
	w.previous = r.Seq
	w.low, w.high = min(w.low, r.Seq), max(w.high, r.Seq)
	_, err := w.to.Write(w.line)
	return err
}

func encodeSalt(salt []byte) string {
	if len(salt) == 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(salt)
}

// csvProof begins the rows of a CSV export that hold proof: the JSON stands in the cell after it.
const csvProof = "#proof"

func (w *exportWriter) beginProof() {
	if w.format != FormatJSON {
		return
	}
	if w.count > 0 {
		w.put("\n")
	}
	w.put(`],"proof":[` + "\n")
}

// proof writes one line of proof.
func (w *exportWriter) proof(l proofLine) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	switch w.format {
	case FormatCSV:
		w.line = appendProofRow(w.line[:0], raw)
	case FormatJSON:
		w.line = append(w.line[:0], raw...)
		if l.Export == nil {
			w.line = append(w.line, ',')
		}
		w.line = append(w.line, '\n')
	case FormatNDJSON:
		w.line = append(append(w.line[:0], raw...), '\n')
	}
	_, err = w.to.Write(w.line)
	return err
}

func (w *exportWriter) end() {
	if w.format == FormatJSON {
		w.put("]}\n")
	}
}
