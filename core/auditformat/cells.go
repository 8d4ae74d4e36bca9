package auditformat

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendCell appends a cell that no spreadsheet runs. A value that begins as a formula, or with an apostrophe, is
// prefixed with an apostrophe: removing the first apostrophe always restores the value. The same
// applies after each semicolon, tab and line break inside a cell, since a spreadsheet whose locale separates columns
// with semicolons, or that is configured for tabs, does not recognize quotes in the middle of what it takes for a
// cell. RFC 4180 quotes the rest.
func appendCell[T string | []byte](dst []byte, cell T) []byte {
	quoted := isQuoted(cell)
	if quoted {
		dst = append(dst, '"')
	}
	if beginsFormula(cell) || mayHide(cell) && continuesFormula(cell) {
		dst = append(dst, '\'')
	}
	if quoted {
		return append(appendQuoted(dst, cell), '"')
	}
	return append(dst, cell...)
}

// appendQuoted appends the text between the quotes.
func appendQuoted[T string | []byte](dst []byte, cell T) []byte {
	done := 0
	for i := range len(cell) {
		class := cellBytes[cell[i]]
		switch {
		case class == 0:
		case cell[i] == '"':
			dst = append(append(dst, cell[done:i]...), '"')
			done = i
		case class&byteSeparates != 0 && continuesFormula(cell[i+1:]):
			dst = append(append(dst, cell[done:i+1]...), '\'')
			done = i + 1
		}
	}
	return append(dst, cell[done:]...)
}

// Classes of bytes in cells.
const (
	byteQuotes    = 1 << iota // a cell with it is quoted
	byteSeparates             // a reader with other settings begins a cell after it
)

// cellBytes maps each byte to its classes. Some readers take a number sign for a comment, also inside a line.
var cellBytes = func() (classes [256]uint8) {
	for _, c := range []byte("\",\r\n") {
		classes[c] |= byteQuotes
	}
	for _, c := range []byte(";\t\r\n") {
		classes[c] |= byteSeparates | byteQuotes
	}
	classes['#'] |= byteQuotes
	return classes
}()

// cellValue returns the value of a cell without its escapes.
func cellValue(cell string) string {
	cell = strings.TrimPrefix(cell, "'")
	if !strings.Contains(cell, "'") {
		return cell
	}
	var value strings.Builder
	for i := range len(cell) {
		if cell[i] != '\'' || i == 0 || !isSeparator(cell[i-1]) {
			value.WriteByte(cell[i])
		}
	}
	return value.String()
}

// isQuoted reports whether a cell is quoted.
func isQuoted[T string | []byte](cell T) bool {
	for i := range len(cell) {
		if cellBytes[cell[i]]&byteQuotes != 0 {
			return true
		}
	}
	return false
}

// isSeparator reports whether a reader with other settings begins a cell after the character.
func isSeparator(c byte) bool { return cellBytes[c]&byteSeparates != 0 }

// beginsFormula reports whether spreadsheets take the start of the cell for a formula. It includes leading white
// space, which they skip, and the full-width forms that some of them accept (＝ ＋ － ＠).
func beginsFormula[T string | []byte](cell T) bool {
	if len(cell) == 0 {
		return false
	}
	switch cell[0] {
	case '\t', '\r', '\n', 0, '\'', ' ':
		return true
	}
	return isFormulaSign(firstRune(cell))
}

// continuesFormula is beginsFormula for text after a separator inside a cell, where white space and quotes are common
// and count only before a formula.
func continuesFormula[T string | []byte](rest T) bool {
	for len(rest) > 0 {
		r, size := firstRune(rest), 1
		if r >= utf8.RuneSelf {
			size = max(utf8.RuneLen(r), 1)
		}
		switch {
		case size == 1 && isSeparator(rest[0]): // the next cell has its own escape
			return false
		case r == '\'' || isFormulaSign(r):
			return true
		case r == '"' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			rest = rest[min(size, len(rest)):]
		default:
			return false
		}
	}
	return false
}

// mayHide reports whether a cell begins with a character that a spreadsheet may skip before a formula.
func mayHide[T string | []byte](cell T) bool {
	return len(cell) > 0 && (cell[0] == '"' || cell[0] < ' ' || cell[0] >= 0x7f)
}

func firstRune[T string | []byte](cell T) rune {
	if len(cell) > 0 && cell[0] < utf8.RuneSelf {
		return rune(cell[0])
	}
	r, _ := utf8.DecodeRuneInString(string(cell[:min(len(cell), utf8.UTFMax)]))
	return r
}

func isFormulaSign(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// SplitRow splits a row into cells. The row ends at the end of its line.
func SplitRow(raw []byte) ([]string, bool) {
	var cells []string
	for {
		cell, rest, ok := cutCell(raw)
		if !ok {
			return nil, false
		}
		cells = append(cells, cell)
		switch {
		case len(rest) == 0:
			return cells, true
		case rest[0] != ',':
			return nil, false
		}
		raw = rest[1:]
	}
}

// cutCell cuts the first cell off a row.
func cutCell(raw []byte) (cell string, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		end := bytes.IndexByte(raw, ',')
		if end < 0 {
			end = len(raw)
		}
		return string(raw[:end]), raw[end:], true
	}
	var quoted []byte
	for raw = raw[1:]; ; raw = raw[1:] {
		end := bytes.IndexByte(raw, '"')
		if end < 0 {
			return "", nil, false
		}
		quoted, raw = append(quoted, raw[:end]...), raw[end+1:]
		if len(raw) == 0 || raw[0] != '"' {
			return string(quoted), raw, true
		}
		quoted = append(quoted, '"')
	}
}
