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

// layout is where the parts of an export are.
type layout struct {
	format    Format
	proofAt   int64 // where the lines of proof begin
	proofLine int64 // and the number of the first
	statement *statementText
	proof     hash.Hash // of the lines of proof before the statement
	damage    *Finding
}

// closing is the last line of the JSON format.
const closing = "]}\n"

// scanExport looks for the parts.
func scanExport(r io.ReadSeeker, size int64) (layout, error) {
	l := layout{proofAt: -1, proof: sha256.New()}
	begin := make([]byte, len(csvHeader))
	n, err := io.ReadFull(r, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return l, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return l, err
	}
	l.format = formatOf(begin[:n])
	lines := newLines(r, l.format, size)
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
		l.look(lines, raw, text, isProof)
	}
	if l.proofAt < 0 {
		l.proofAt, l.proofLine = lines.offset, lines.number+1
	}
	return l, nil
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

// look finds the statement, and what stands behind it.
func (l *layout) look(lines *lines, raw, text []byte, isProof bool) {
	switch {
	case isProof && bytes.HasPrefix(text, []byte(`{"export":`)):
		l.readStatement(lines, text)
	case isProof && l.statement == nil:
		l.proof.Write(text)
	case l.statement == nil, l.format == FormatJSON && string(raw) == closing:
	default:
		l.damage = &Finding{Damage: DamageAdded, Line: lines.number, Reason: "it stands behind the end of the export"}
	}
}

func (l *layout) readStatement(lines *lines, text []byte) {
	var p proofLine
	if err := json.Unmarshal(text, &p); err != nil || p.Export == nil {
		return
	}
	if again, err := json.Marshal(p); err != nil || !bytes.Equal(again, text) || l.statement != nil {
		l.damage = &Finding{Damage: DamageProof, Line: lines.number, Reason: "the statement at the end is not as it was written"}
	}
	l.statement = p.Export
}

// digest returns what is signed for the whole: the end of the chain of lines, and the proof.
func (l *layout) digest(entries chain) string {
	l.proof.Write(entries[:])
	return base64.RawURLEncoding.EncodeToString(l.proof.Sum(nil))
}

// isEnd reports whether a line of proof is the statement or what closes the file.
func (l *layout) isEnd(text, raw []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"export":`)) || l.format == FormatJSON && string(raw) == closing
}
