package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// layout is the position of the parts of an export.
type layout struct {
	format    Format
	startOnly bool  // only the start of a CSV cell is escaped
	proofAt   int64 // offset of the first proof line
	proofLine int64 // number of the first proof line
	proved    bool  // there are proof lines
	statement *statement
	signed    bool      // by the key that the statement names
	sum       string    // the digest of the file before the statement
	proof     hash.Hash // of the proof lines before the statement
	last      lineKind
	damage    *Finding
}

// scanExport determines the layout.
func scanExport(r io.ReadSeeker, size int64) (layout, error) {
	l := layout{proofAt: -1, proof: sha256.New(), format: FormatCSV}
	begin := make([]byte, len(jsonHead))
	n, err := io.ReadFull(r, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return l, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return l, err
	}
	switch text := string(begin[:n]); {
	case text == jsonHead:
		l.format = FormatJSON
	case n > 0 && text[0] == '{':
		l.format = FormatNDJSON
	}
	return l, l.scan(newLines(r, l.format, size))
}

// scan reads all lines.
func (l *layout) scan(lines *lines) error {
	whole := sha256.New()
	for {
		at := lines.offset
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		l.line(lines, raw, at, whole)
		whole.Write(raw)
	}
	if l.proofAt < 0 {
		l.proofAt, l.proofLine = lines.offset, lines.number+1
	}
	if l.format == FormatJSON && l.statement != nil && l.last != lineEnd {
		l.damaged(DamageProof, lines.number, "the file ends without its closing line: JSON parsers reject it")
	}
	return nil
}

// line reads a line at the offset. before is the digest of the lines before it.
func (l *layout) line(lines *lines, raw []byte, at int64, before hash.Hash) {
	text, kind := lines.classify(raw)
	l.place(kind, lines.number)
	isProof := kind == lineSegment || kind == lineStatement
	if isProof && l.proofAt < 0 {
		l.proofAt, l.proofLine, l.proved = at, lines.number, true
		l.startOnly = bytes.HasPrefix(raw, []byte(csvProof))
	}
	switch {
	case !isProof || l.statement != nil:
	case kind == lineSegment:
		l.proof.Write(text)
	default:
		l.sum = hex.EncodeToString(before.Sum(nil))
		l.readStatement(text)
	}
}

// place reports a line of a kind that is not allowed after the line before it.
func (l *layout) place(kind lineKind, number int64) {
	was := l.last
	l.last = max(was, kind)
	switch {
	case number == 1 && l.format != FormatNDJSON && kind != lineHead:
		l.damaged(DamageProof, number, "the file begins without its header: a reader takes the first entry for it")
	case kind < was, kind == was && kind != lineEntry && kind != lineSegment:
		l.damaged(DamageAdded, number, "a line of its kind is not allowed there")
	case l.format == FormatJSON && was < lineSwitch && (kind == lineSegment || kind == lineStatement):
		l.damaged(DamageProof, number, "the proof is in the list of the entries")
	}
}

func (l *layout) damaged(damage Damage, number int64, reason string) {
	if l.damage == nil {
		l.damage = &Finding{Damage: damage, Line: number, Reason: reason}
	}
}

func (l *layout) readStatement(text []byte) {
	var s statementLine
	if err := json.Unmarshal(text, &s); err == nil && s.Export != nil {
		l.statement, l.signed = s.Export, isSigned(text, s.Export.Key)
	}
}

// isLinked reports whether the entries are linked, as in the first form.
func (l *layout) isLinked() bool { return l.statement != nil && l.statement.Digest != "" }

// isWhole reports whether the file is the one that was signed. link is the last link of its entries.
func (l *layout) isWhole(link [sha256.Size]byte) bool {
	if !l.isLinked() {
		return l.statement.SHA256 == l.sum
	}
	l.proof.Write(link[:])
	return l.statement.Digest == base64.RawURLEncoding.EncodeToString(l.proof.Sum(nil))
}
