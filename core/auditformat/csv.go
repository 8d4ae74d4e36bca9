package auditformat

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// CSVHeader names the columns of an export; those for human readers come first.
const CSVHeader = "log_id,timestamp,user_id,action,success,ip_address,user_agent,request_id,target_id,details,personal," +
	"seq,actor_commitment,personal_commitment,actor_salt,personal_salt"

const csvColumns = 16

// AppendRow appends the record as a row without its line break.
func (r *Record) AppendRow(dst []byte) ([]byte, error) {
	public, err := ParsePublic(string(r.Public))
	if err != nil {
		return nil, err
	}
	for _, cell := range [...]string{
		string(public.ID), public.Time, public.UserID, string(public.Action), strconv.FormatBool(public.Success), r.IPAddress,
		r.UserAgent, public.RequestID, public.Target, public.Details,
	} {
		dst = append(appendCell(dst, cell), ',')
	}
	dst = append(appendCell(dst, r.Personal), ',')
	dst = append(strconv.AppendInt(dst, r.Seq, 10), ',')
	dst = append(appendCell(dst, public.Actor), ',')
	dst = append(appendCell(dst, public.Personal), ',')
	var text [2 * SaltLength]byte
	dst = append(appendCell(dst, base64.RawURLEncoding.AppendEncode(text[:0], r.ActorSalt)), ',')
	return appendCell(dst, base64.RawURLEncoding.AppendEncode(text[:0], r.PersonalSalt)), nil
}

var errRow = errors.New("not a row of an export")

// ParseRow parses a row. Rows of the first form have two more columns. In those with startOnly set, only the start of a
// cell is escaped.
func ParseRow(raw []byte, startOnly bool) (Record, error) {
	cells, ok := SplitRow(raw)
	if ok && len(cells) == csvColumns+2 {
		cells = slices.Delete(cells[:csvColumns+1], 12, 13)
	}
	if !ok || len(cells) != csvColumns {
		return Record{}, errRow
	}
	for i := range cells {
		if startOnly {
			cells[i] = strings.TrimPrefix(cells[i], "'")
		} else {
			cells[i] = cellValue(cells[i])
		}
	}
	public := Public{
		ID: domain.LogID(cells[0]), Time: cells[1], UserID: cells[2], Action: domain.Action(cells[3]),
		Success:   cells[4] == "true",
		RequestID: cells[7], Target: cells[8], Details: cells[9], Actor: cells[12], Personal: cells[13],
	}
	r := Record{ID: public.ID, Public: public.Append(nil), IPAddress: cells[5], UserAgent: cells[6]}
	if cells[10] != "" {
		r.Personal = []byte(cells[10])
	}
	var errs [3]error
	r.Seq, errs[0] = strconv.ParseInt(cells[11], 10, 64)
	r.ActorSalt, errs[1] = decode(cells[14])
	r.PersonalSalt, errs[2] = decode(cells[15])
	return r, errors.Join(errs[:]...)
}
