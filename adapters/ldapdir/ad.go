package ldapdir

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

var errGUID = errors.New("is no GUID")

// guidText returns the usual form of objectGUID, whose first three fields are little-endian.
func guidText(raw []byte) (string, error) {
	if len(raw) != 16 {
		return "", errGUID
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint16(raw[4:]),
		binary.LittleEndian.Uint16(raw[6:]), raw[8:10], raw[10:]), nil
}

// parseGUID is the reverse of guidText.
func parseGUID(text string) ([]byte, error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return nil, errGUID
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != 16 {
		return nil, errGUID
	}
	slices.Reverse(raw[:4])
	slices.Reverse(raw[4:6])
	slices.Reverse(raw[6:8])
	return raw, nil
}

// escapeBytes escapes raw bytes for a filter.
func escapeBytes(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&b, `\%02x`, c)
	}
	return b.String()
}

// encodePassword encodes a password for unicodePwd: in quotes, in UTF-16LE.
func encodePassword(password string) string {
	units := utf16.Encode([]rune(`"` + password + `"`))
	raw := make([]byte, 0, 2*len(units))
	for _, unit := range units {
		raw = binary.LittleEndian.AppendUint16(raw, unit)
	}
	return string(raw)
}

// The relevant bits of userAccountControl.
const adAccountDisabled = 0x2

// neverFileTime means never, as 0 does.
const neverFileTime = 0x7fffffffffffffff

// fileTimeEpoch is 1601-01-01 in seconds before 1970.
const fileTimeEpoch = 11644473600

// fileTime parses a count of 100 ns since 1601; the result is zero for never and for invalid numbers.
func fileTime(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n == neverFileTime {
		return time.Time{}
	}
	return time.Unix(n/1e7-fileTimeEpoch, n%1e7*100).UTC()
}

// fileDuration parses a negative count of 100 ns; the result is zero for never and for invalid numbers.
func fileDuration(text string) time.Duration {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n >= 0 || n < -(1<<62)/100 {
		return 0
	}
	return time.Duration(-n) * 100
}

// primaryGroupSID returns the SID of a person's primary group: their own SID with another last part.
func primaryGroupSID(own []byte, primaryGroupID string) []byte {
	rid, err := strconv.ParseUint(primaryGroupID, 10, 32)
	if err != nil || len(own) < 12 {
		return nil
	}
	sid := append([]byte{}, own...)
	binary.LittleEndian.PutUint32(sid[len(sid)-4:], uint32(rid))
	return sid
}
