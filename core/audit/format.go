package audit

import "github.com/ostiary/ostiary/core/fault"

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
