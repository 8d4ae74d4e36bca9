package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/core/domain"
)

var errLongLine = errors.New("a line is longer than any of an export")

// lines reads an export line by line. A CSV row may contain line breaks in its cells.
type lines struct {
	from   *bufio.Reader
	format Format
	form   cellForm // of CSV cells
	offset int64
	number int64 // of the last line read, from 1
	buffer []byte
}

// newLines returns a line reader. size is the number of bytes to read, if known.
func newLines(r io.Reader, format Format, form cellForm, size int64) *lines {
	return &lines{from: bufio.NewReaderSize(r, int(min(exportBuffer, max(size, 16)))), format: format, form: form}
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

// The lines of the JSON format that contain neither an entry nor proof. Only the end of the list and the closing line
// may follow entries.
const (
	jsonHead  = `{"logs":[` + "\n"
	jsonProof = `],"proof":[` + "\n"
	closing   = "]}\n"
)

// isFrame reports whether a line contains no entry: the head of the file, or the end of the list.
func (l *lines) isFrame(raw []byte) bool {
	switch text := string(raw); l.format {
	case FormatCSV:
		return l.number == 1 && text == csvHeader+"\r\n"
	case FormatJSON:
		return l.number == 1 && text == jsonHead || text == jsonProof || text == closing
	default:
		return false
	}
}

const (
	// csvComment begins the proof lines of a CSV export.
	csvComment = "# "
	// oldProofRow begins the proof rows of formBegin exports. The JSON is in the next cell.
	oldProofRow = "#proof,"
)

// proof returns the text of a proof line, and whether the line is one.
func (l *lines) proof(raw []byte) ([]byte, bool) {
	switch l.format {
	case FormatCSV:
		if text, ok := bytes.CutPrefix(raw, []byte(csvComment)); ok {
			text, whole := bytes.CutSuffix(text, []byte("\r\n"))
			if !whole {
				text = nil
			}
			return text, true
		}
		return oldProof(raw)
	case FormatJSON:
		raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte(","))
	default:
		raw = bytes.TrimSuffix(raw, []byte("\n"))
	}
	return raw, bytes.HasPrefix(raw, []byte(`{"segment":`)) || bytes.HasPrefix(raw, []byte(statementBegin))
}

// oldProof returns the text of a proof row, or nil if the row was altered.
func oldProof(raw []byte) ([]byte, bool) {
	if !bytes.HasPrefix(raw, []byte(oldProofRow)) {
		return nil, false
	}
	cells, ok := splitRow(bytes.TrimSuffix(raw, []byte("\r\n")))
	if !ok || len(cells) != csvColumns {
		return nil, true
	}
	row := appendCell([]byte(oldProofRow), cells[1], formBegin)
	for range csvColumns - 2 {
		row = append(row, ',')
	}
	if !bytes.Equal(append(row, "\r\n"...), raw) {
		return nil, true
	}
	return []byte(cells[1]), true
}

var errChangedLine = errors.New("it is not as the service writes entries")

// parse returns the entry of a line, and a buffer with its text up to the link, after room for the chain. A line
// whose bytes differ from what the service would write is an error: every byte is covered by the proof.
func (l *lines) parse(raw []byte) (line, []byte, error) {
	if l.format == FormatCSV {
		return parseRow(raw, l.form)
	}
	text, ok := bytes.CutSuffix(raw, []byte("\n"))
	if l.format == FormatJSON {
		text = bytes.TrimSuffix(text, []byte(","))
	}
	entry, err := parseJSON(text)
	if !ok || err != nil {
		return line{}, nil, errChangedLine
	}
	body := appendJSON(make([]byte, room, room+len(text)), &entry.Record, entry.after)
	if string(body[room:])+entry.link+endOfJSON != string(text) {
		return line{}, nil, errChangedLine
	}
	return entry, body, nil
}

func parseRow(raw []byte, form cellForm) (line, []byte, error) {
	row, ok := bytes.CutSuffix(raw, []byte("\r\n"))
	entry, err := parseCSV(row, form)
	if !ok || err != nil {
		return line{}, nil, errChangedLine
	}
	public, err := auditformat.ParsePublic(string(entry.Public))
	if err != nil {
		return line{}, nil, errChangedLine
	}
	body := appendCSV(make([]byte, room, room+len(row)), &public, &entry.Record, entry.after, form)
	if !bytes.Equal(appendCell(body, entry.link, form)[room:], row) {
		return line{}, nil, errChangedLine
	}
	return entry, body, nil
}

// jsonLine is a line of the JSON formats.
type jsonLine struct {
	ID           domain.LogID    `json:"log_id"`
	Time         string          `json:"timestamp"`
	UserID       string          `json:"user_id"`
	Action       domain.Action   `json:"action"`
	Success      bool            `json:"success"`
	RequestID    string          `json:"request_id"`
	Target       string          `json:"target_id"`
	Details      json.RawMessage `json:"details"`
	Actor        string          `json:"actor_commitment"`
	Commitment   string          `json:"personal_commitment"`
	Seq          int64           `json:"seq"`
	After        int64           `json:"after"`
	IP           string          `json:"ip_address"`
	Agent        string          `json:"user_agent"`
	Personal     json.RawMessage `json:"personal"`
	ActorSalt    string          `json:"actor_salt"`
	PersonalSalt string          `json:"personal_salt"`
	Link         string          `json:"link"`
}

func parseJSON(text []byte) (line, error) {
	var j jsonLine
	if err := json.Unmarshal(text, &j); err != nil {
		return line{}, err
	}
	return j.line()
}

func (j *jsonLine) line() (line, error) {
	if string(j.Personal) == "null" {
		j.Personal = nil
	}
	return newLine(&auditformat.Public{
		ID: j.ID, Time: j.Time, UserID: j.UserID, Action: j.Action, Success: j.Success, RequestID: j.RequestID, Target: j.Target,
		Details: string(j.Details), Actor: j.Actor, Personal: j.Commitment,
	}, lineParts{
		seq: j.Seq, after: j.After, ip: j.IP, agent: j.Agent, personal: string(j.Personal),
		actorSalt: j.ActorSalt, personalSalt: j.PersonalSalt, link: j.Link,
	})
}
