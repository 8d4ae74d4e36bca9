package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// layout is the position of the parts of an export.
type layout struct {
	format    Format
	form      cellForm
	proofAt   int64 // offset of the first proof line
	proofLine int64 // number of the first proof line
	proved    bool  // there are proof lines
	statement *statementText
	signed    bool      // by the key that the statement names
	proof     hash.Hash // of the proof lines before the statement
	list      int       // in the JSON format: the list that contains the line, listEnd after the closing line
	damage    *Finding
}

// The lists of the JSON format, in order.
const (
	listEntries = iota
	listProof
	listEnd
)

// scanExport determines the layout.
func scanExport(r io.ReadSeeker, size int64) (layout, error) {
	l := layout{proofAt: -1, proof: sha256.New(), form: csvForm}
	begin := make([]byte, len(csvHeader))
	n, err := io.ReadFull(r, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return l, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return l, err
	}
	l.format = formatOf(begin[:n])
	return l, l.scan(newLines(r, l.format, l.form, size))
}

// scan reads all lines.
func (l *layout) scan(lines *lines) error {
	for {
		at := lines.offset
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		text, isProof := lines.proof(raw)
		if isProof && l.proofAt < 0 {
			l.proofAt, l.proofLine, l.proved = at, lines.number, true
			if l.format == FormatCSV && bytes.HasPrefix(raw, []byte(oldProofRow)) {
				l.form = formBegin
			}
		}
		l.look(lines, raw, text, isProof)
	}
	if l.proofAt < 0 {
		l.proofAt, l.proofLine = lines.offset, lines.number+1
	}
	if l.format == FormatJSON && l.statement != nil && l.list != listEnd {
		l.damaged(DamageProof, lines, "the file ends without its closing line: no reader of JSON takes it")
	}
	return nil
}

func formatOf(begin []byte) Format {
	switch {
	case bytes.HasPrefix(begin, []byte(`{"logs":[`)):
		return FormatJSON
	case bytes.HasPrefix(begin, []byte("{")):
		return FormatNDJSON
	default:
		return FormatCSV
	}
}

// look finds the statement, and lines of a kind that is not allowed at their position.
func (l *layout) look(lines *lines, raw, text []byte, isProof bool) {
	if l.format == FormatJSON && !l.listed(lines, raw, isProof) {
		l.damaged(DamageAdded, lines, "a line of its kind is not allowed there")
	}
	l.checkHeader(lines, raw)
	switch {
	case isProof && bytes.HasPrefix(text, []byte(statementBegin)):
		l.readStatement(lines, text)
	case isProof && l.statement == nil:
		l.proof.Write(text)
	case l.statement == nil, l.format == FormatJSON && string(raw) == closing:
	default:
		l.damaged(DamageAdded, lines, "it stands behind the end of the export")
	}
}

// checkHeader looks for the header of a CSV file.
func (l *layout) checkHeader(lines *lines, raw []byte) {
	if l.format == FormatCSV && lines.number == 1 && !lines.isFrame(raw) {
		l.damaged(DamageProof, lines, "the file begins without its header: readers take the first entry for it")
	}
}

// listed reports whether a line of the JSON format is at a position where its kind is allowed.
func (l *layout) listed(lines *lines, raw []byte, isProof bool) bool {
	was := l.list
	switch {
	case lines.number == 1:
		return true
	case string(raw) == jsonProof:
		l.list = max(was, listProof)
		return was == listEntries
	case string(raw) == closing:
		l.list = listEnd
		return was != listEnd
	case isProof:
		return was == listProof
	default:
		return was == listEntries
	}
}

func (l *layout) damaged(damage Damage, lines *lines, reason string) {
	if l.damage == nil {
		l.damage = &Finding{Damage: damage, Line: lines.number, Reason: reason}
	}
}

func (l *layout) readStatement(lines *lines, text []byte) {
	var p proofLine
	if err := json.Unmarshal(text, &p); err != nil || p.Export == nil {
		return
	}
	if l.statement != nil {
		l.damaged(DamageProof, lines, "there is a second statement")
		return
	}
	l.statement, l.signed = p.Export, isSigned(text, p.Export.Key)
}

// digest returns the value that is signed for the whole export: the digest of the end of the chain of lines and the
// proof.
func (l *layout) digest(entries chain) string {
	l.proof.Write(entries[:])
	return base64.RawURLEncoding.EncodeToString(l.proof.Sum(nil))
}

// isEnd reports whether a proof line is the statement or the closing line of the file.
func (l *layout) isEnd(text, raw []byte) bool {
	return bytes.HasPrefix(text, []byte(statementBegin)) || l.format == FormatJSON && string(raw) == closing
}
