package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Format is how an export is written.
type Format string

// The formats of exports.
const (
	FormatCSV    Format = "csv"
	FormatJSON   Format = "json"
	FormatNDJSON Format = "ndjson"
)

// ParseFormat returns the format in text, or fault.ErrInvalid.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case FormatCSV, FormatJSON, FormatNDJSON:
		return f, nil
	}
	return "", fault.ErrInvalid.About("format", "must be csv, json or ndjson")
}

// ContentType returns the media type of the format.
func (f Format) ContentType() string {
	switch f {
	case FormatCSV:
		return "text/csv; charset=utf-8; header=present"
	case FormatNDJSON:
		return "application/x-ndjson"
	default:
		return "application/json"
	}
}

// line is one entry of an export. It holds all that the sealed text is made of, and what opens its commitments; so the
// text can be made again from a line, and its digest compared.
type line struct {
	domain.AuditPublic
	seq   int64
	after int64 // the place of the entry before it in this export, 0 for the first
	ip    string
	agent string
	// personal is a JSON object, empty for none.
	personal                string
	actorSalt, personalSalt string // base64url, empty once erased
	link                    string
}

// linkLength is how many bytes of a digest link a line to the one before it. They locate a change; the signature over the
// whole proves that there is none.
const linkLength = 12

// linkOf returns the link of a line whose text up to its link is body.
func linkOf(previous string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(previous))
	h.Write(body)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:linkLength])
}

// record returns the record that the line was made of; false when a salt cannot be read.
func (l *line) record() (*domain.AuditRecord, bool) {
	r := &domain.AuditRecord{Seq: l.seq, ID: l.ID, Public: l.Append(nil), IPAddress: l.ip, UserAgent: l.agent}
	var err1, err2 error
	r.ActorSalt, err1 = salt(l.actorSalt)
	r.PersonalSalt, err2 = salt(l.personalSalt)
	if l.personal != "" {
		r.Personal = []byte(l.personal)
	}
	return r, err1 == nil && err2 == nil
}

func salt(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// appendJSON appends the line as a JSON object without its end, up to the link.
func (l *line) appendJSON(dst, public []byte) []byte {
	dst = append(dst, public[:len(public)-1]...)
	dst = strconv.AppendInt(append(dst, `,"seq":`...), l.seq, 10)
	dst = strconv.AppendInt(append(dst, `,"after":`...), l.after, 10)
	dst = domain.AppendJSONText(append(dst, `,"ip_address":"`...), l.ip)
	dst = domain.AppendJSONText(append(dst, `","user_agent":"`...), l.agent)
	dst = append(dst, `","personal":`...)
	if l.personal == "" {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, l.personal...)
	}
	dst = append(append(dst, `,"actor_salt":"`...), l.actorSalt...)
	dst = append(append(dst, `","personal_salt":"`...), l.personalSalt...)
	return append(dst, `","link":"`...)
}

const endOfJSON = `"}`

// csvHeader names the columns; those that people read come first.
const csvHeader = "log_id,timestamp,user_id,action,success,ip_address,user_agent,request_id,target_id,details,personal," +
	"seq,after,actor_commitment,personal_commitment,actor_salt,personal_salt,link"

const csvColumns = 18

// appendCSV appends the line as a row without its end, up to the link.
func (l *line) appendCSV(dst []byte) []byte {
	for _, cell := range [...]string{
		string(l.ID), l.Time, l.UserID, string(l.Action), strconv.FormatBool(l.Success), l.ip, l.agent, l.RequestID, l.Target,
		l.Details, l.personal, strconv.FormatInt(l.seq, 10), strconv.FormatInt(l.after, 10), l.Actor, l.Personal,
		l.actorSalt, l.personalSalt,
	} {
		dst = append(appendCell(dst, cell), ',')
	}
	return dst
}

// appendCell appends a cell that no spreadsheet runs: one that would begin as a formula gets an apostrophe before it, and so
// does one that begins with an apostrophe, so that taking the first away always gives the value back. RFC 4180 quotes the rest.
func appendCell(dst []byte, cell string) []byte {
	start := len(dst)
	if beginsFormula(cell) {
		dst = append(dst, '\'')
	}
	if !strings.ContainsAny(cell, "\",\r\n") {
		return append(dst, cell...)
	}
	dst = append(dst[:start], '"')
	if beginsFormula(cell) {
		dst = append(dst, '\'')
	}
	for i := range len(cell) {
		if cell[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, cell[i])
	}
	return append(dst, '"')
}

// beginsFormula knows what spreadsheets take for the beginning of a formula, white space that they skip and the full-width
// forms that some of them read alike included.
func beginsFormula(cell string) bool {
	if cell == "" {
		return false
	}
	switch cell[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n', 0, '\'', ' ':
		return true
	}
	for _, wide := range [...]string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(cell, wide) {
			return true
		}
	}
	return false
}

var errRow = errors.New("not a row of an export")

// parseCSV reads a row that appendCSV and a link made.
func parseCSV(raw []byte) (line, error) {
	cells, ok := splitRow(raw)
	if !ok || len(cells) != csvColumns {
		return line{}, errRow
	}
	for i := range cells {
		cells[i] = strings.TrimPrefix(cells[i], "'")
	}
	seq, err1 := strconv.ParseInt(cells[11], 10, 64)
	after, err2 := strconv.ParseInt(cells[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return line{}, errRow
	}
	return line{
		AuditPublic: domain.AuditPublic{
			ID: domain.LogID(cells[0]), Time: cells[1], UserID: cells[2], Action: domain.Action(cells[3]), Success: cells[4] == "true",
			RequestID: cells[7], Target: cells[8], Details: cells[9], Actor: cells[13], Personal: cells[14],
		},
		seq: seq, after: after, ip: cells[5], agent: cells[6], personal: cells[10],
		actorSalt: cells[15], personalSalt: cells[16], link: cells[17],
	}, nil
}

// splitRow takes a row apart; it ends where its line does.
func splitRow(raw []byte) ([]string, bool) {
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

// cutCell takes the first cell off a row.
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
