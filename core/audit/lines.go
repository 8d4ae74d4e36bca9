package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/ostiary/ostiary/core/auditformat"
)

// maxLine limits one line of an export.
const maxLine = 4 << 20

var errLongLine = errors.New("a line is longer than any of an export")

// lines reads an export line by line. A CSV row may contain line breaks in its cells.
type lines struct {
	from      *bufio.Reader
	format    Format
	startOnly bool // only the start of a CSV cell is escaped
	offset    int64
	number    int64 // of the last line read, from 1
	buffer    []byte
}

// newLines returns a line reader. size is the number of bytes to read, if known.
func newLines(r io.Reader, format Format, size int64) *lines {
	return &lines{from: bufio.NewReaderSize(r, int(min(exportBuffer, max(size, 16)))), format: format}
}

// next returns the next line including its line break. It is valid until the next call.
func (l *lines) next() ([]byte, error) {
	l.buffer = l.buffer[:0]
	for {
		part, err := l.from.ReadSlice('\n')
		l.buffer = append(l.buffer, part...)
		switch {
		case len(l.buffer) > maxLine:
			return nil, errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.buffer) == 0:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case err == nil && l.format == FormatCSV && bytes.Count(l.buffer, []byte{'"'})%2 == 1:
			continue // inside quotes
		}
		l.offset += int64(len(l.buffer))
		l.number++
		return l.buffer, nil
	}
}

// lineKind is the kind of a line of an export. The kinds are in the order in which they occur.
type lineKind int

const (
	lineHead lineKind = iota + 1 // the beginning of CSV and JSON
	lineEntry
	lineSwitch // between the lists of JSON
	lineSegment
	lineStatement
	lineEnd // the end of JSON
)

const (
	jsonHead   = `{"logs":[` + "\n"
	jsonSwitch = `],"proof":[` + "\n"
	jsonEnd    = "]}\n"
	// csvComment begins the proof lines of CSV.
	csvComment = "# "
	// csvProof begins those of the first form: rows with the text in the second cell.
	csvProof = "#proof,"
	// csvOldHeader is the header of the first form.
	csvOldHeader = "log_id,timestamp,user_id,action,success,ip_address,user_agent,request_id,target_id,details,personal," +
		"seq,after,actor_commitment,personal_commitment,actor_salt,personal_salt,link"
)

// jsonFrame maps the lines of JSON without an entry or proof to their kinds.
var jsonFrame = map[string]lineKind{jsonHead: lineHead, jsonSwitch: lineSwitch, jsonEnd: lineEnd}

// classify returns the kind of a line, and the text of a proof line.
func (l *lines) classify(raw []byte) ([]byte, lineKind) {
	text := bytes.TrimSuffix(raw, []byte("\n"))
	switch l.format {
	case FormatCSV:
		row, whole := bytes.CutSuffix(text, []byte("\r"))
		if l.number == 1 && whole && isHeader(row) {
			return nil, lineHead
		}
		if text = nil; whole {
			text = commentText(row)
		}
	case FormatJSON:
		if kind := jsonFrame[string(raw)]; kind != 0 {
			return nil, kind
		}
		text = bytes.TrimSuffix(text, []byte(","))
	default:
	}
	switch {
	case bytes.HasPrefix(text, []byte(auditformat.CheckpointBegin)),
		bytes.HasPrefix(text, []byte(auditformat.SegmentBegin)):
		return text, lineSegment
	case bytes.HasPrefix(text, []byte(statementBegin)):
		return text, lineStatement
	}
	return nil, lineEntry
}

func isHeader(row []byte) bool {
	return string(row) == auditformat.CSVHeader || string(row) == csvOldHeader
}

// commentText returns the text in a proof line of CSV, or nil for any other line.
func commentText(raw []byte) []byte {
	if text, ok := bytes.CutPrefix(raw, []byte(csvComment)); ok {
		return text
	}
	if !bytes.HasPrefix(raw, []byte(csvProof)) {
		return nil
	}
	cells, ok := auditformat.SplitRow(raw)
	if !ok || len(cells) != 18 || bytes.Count(raw[len(raw)-16:], []byte(",")) != 16 {
		return nil
	}
	return []byte(cells[1])
}

// parse returns the entry of a line.
func (l *lines) parse(raw []byte) (auditformat.Record, error) {
	if l.format == FormatCSV {
		return auditformat.ParseRow(bytes.TrimSuffix(raw, []byte("\r\n")), l.startOnly)
	}
	text := bytes.TrimSuffix(raw, []byte("\n"))
	if l.format == FormatJSON {
		text = bytes.TrimSuffix(text, []byte(","))
	}
	return auditformat.ParseJSON(text)
}
