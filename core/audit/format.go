package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Format is the format of an export.
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

// line is one entry of an export: the sealed text and the openings of its commitments.
type line struct {
	auditformat.Record

	after int64 // the position of the previous entry in this export, 0 for the first
	link  string
}

// chain links the lines of an export: each value is the digest of the previous value and the text of the line. The
// first bytes of the value are stored in the line, to locate a change; the last value is signed, to prove that there
// is none.
type chain [sha256.Size]byte

// linkLength is how many bytes of the chain value are stored in a line.
const linkLength = 12

// next adds a line to the chain. The buffer contains room for the chain value, followed by the text.
func (c *chain) next(buffer []byte) {
	copy(buffer, c[:])
	*c = sha256.Sum256(buffer)
}

// room is the offset of a line's text in its buffer.
const room = sha256.Size

func (c *chain) appendLink(dst []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, c[:linkLength])
}

func salt(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// appendJSON appends an entry as a JSON object without its end, up to the link.
func appendJSON(dst []byte, r *auditformat.Record, after int64) []byte {
	dst = append(dst, r.Public[:len(r.Public)-1]...)
	dst = strconv.AppendInt(append(dst, `,"seq":`...), r.Seq, 10)
	dst = strconv.AppendInt(append(dst, `,"after":`...), after, 10)
	dst = auditformat.AppendJSONText(append(dst, `,"ip_address":"`...), r.IPAddress)
	dst = auditformat.AppendJSONText(append(dst, `","user_agent":"`...), r.UserAgent)
	dst = append(dst, `","personal":`...)
	if len(r.Personal) == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, r.Personal...)
	}
	dst = base64.RawURLEncoding.AppendEncode(append(dst, `,"actor_salt":"`...), r.ActorSalt)
	dst = base64.RawURLEncoding.AppendEncode(append(dst, `","personal_salt":"`...), r.PersonalSalt)
	return append(dst, `","link":"`...)
}

const endOfJSON = `"}`

// csvHeader names the columns; those for human readers come first.
const csvHeader = "log_id,timestamp,user_id,action,success,ip_address,user_agent,request_id,target_id,details,personal," +
	"seq,after,actor_commitment,personal_commitment,actor_salt,personal_salt,link"

const csvColumns = 18

// appendCSV appends an entry as a row without its end, up to the link.
func appendCSV(dst []byte, public *auditformat.Public, r *auditformat.Record, after int64, form cellForm) []byte {
	success := "false"
	if public.Success {
		success = "true"
	}
	for _, cell := range [...]string{
		string(public.ID), public.Time, public.UserID, string(public.Action), success, r.IPAddress, r.UserAgent,
		public.RequestID, public.Target, public.Details,
	} {
		dst = append(appendCell(dst, cell, form), ',')
	}
	dst = append(appendCell(dst, r.Personal, form), ',')
	dst = append(strconv.AppendInt(dst, r.Seq, 10), ',')
	dst = append(strconv.AppendInt(dst, after, 10), ',')
	dst = append(appendCell(dst, public.Actor, form), ',')
	dst = append(appendCell(dst, public.Personal, form), ',')
	var text [2 * auditformat.SaltLength]byte
	for _, salt := range [...][]byte{r.ActorSalt, r.PersonalSalt} {
		dst = append(appendCell(dst, base64.RawURLEncoding.AppendEncode(text[:0], salt), form), ',')
	}
	return dst
}

var errRow = errors.New("not a row of an export")

// parseCSV parses a row written by appendCSV followed by a link.
func parseCSV(raw []byte, form cellForm) (line, error) {
	cells, ok := splitRow(raw)
	if !ok || len(cells) != csvColumns {
		return line{}, errRow
	}
	for i := range cells {
		cells[i] = cellValue(cells[i], form)
	}
	seq, err1 := strconv.ParseInt(cells[11], 10, 64)
	after, err2 := strconv.ParseInt(cells[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return line{}, errRow
	}
	public := auditformat.Public{
		ID: domain.LogID(cells[0]), Time: cells[1], UserID: cells[2], Action: domain.Action(cells[3]), Success: cells[4] == "true",
		RequestID: cells[7], Target: cells[8], Details: cells[9], Actor: cells[13], Personal: cells[14],
	}
	return newLine(&public, lineParts{
		seq: seq, after: after, ip: cells[5], agent: cells[6], personal: cells[10],
		actorSalt: cells[15], personalSalt: cells[16], link: cells[17],
	})
}

// lineParts holds the fields of a line other than the sealed text, as they are stored there.
type lineParts struct {
	seq, after                                         int64
	ip, agent, personal, actorSalt, personalSalt, link string
}

func newLine(public *auditformat.Public, parts lineParts) (line, error) {
	actor, err1 := salt(parts.actorSalt)
	personal, err2 := salt(parts.personalSalt)
	l := line{after: parts.after, link: parts.link, Record: auditformat.Record{
		Seq: parts.seq, ID: public.ID, Public: public.Append(nil), IPAddress: parts.ip, UserAgent: parts.agent,
		ActorSalt: actor, PersonalSalt: personal,
	}}
	if parts.personal != "" {
		l.Personal = []byte(parts.personal)
	}
	return l, errors.Join(err1, err2)
}
