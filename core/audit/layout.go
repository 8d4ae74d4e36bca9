package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
)

// layout is where the parts of an export are.
type layout struct {
	format    Format
	proofAt   int64 // where the lines of proof begin
	proofLine int64 // and the number of the first
	statement *statementText
	digest    string // of what stands before the statement
	damage    *Finding
}

// closing is the last line of the JSON format.
const closing = "]}\n"

// scanExport looks for the parts and digests the whole.
func scanExport(r io.Reader) (layout, error) {
	l := layout{proofAt: -1}
	head := bufio.NewReaderSize(r, exportBuffer)
	begin, err := head.Peek(len(csvHeader))
	if err != nil && !errors.Is(err, io.EOF) {
		return l, err
	}
	l.format = formatOf(begin)
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
		l.look(lines, raw, text, isProof, digest.Sum)
		digest.Write(raw)
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
func (l *layout) look(lines *lines, raw, text []byte, isProof bool, digest func([]byte) []byte) {
	switch {
	case isProof && bytes.HasPrefix(text, []byte(`{"export":`)):
		l.digest = base64.RawURLEncoding.EncodeToString(digest(nil))
		l.readStatement(lines, text)
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

// isEnd reports whether a line of proof is the statement or what closes the file.
func (l *layout) isEnd(text, raw []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"export":`)) || l.format == FormatJSON && string(raw) == closing
}
