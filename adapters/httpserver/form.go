package httpserver

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// Form holds the fields of a form-encoded body (application/x-www-form-urlencoded). A value is decoded and checked when
// its field is read: a field that no handler reads is ignored, whatever it contains.
type Form struct {
	values map[string][]string // as sent, by the decoded name
}

// ParseForm splits a form-encoded body into its fields. A field whose name is not valid percent-encoding is ignored: it
// is none that a handler reads.
func ParseForm(raw string) Form {
	f := Form{values: map[string][]string{}}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" {
			f.values[name] = append(f.values[name], value)
		}
	}
	return f
}

// Names returns the names of the fields, sorted.
func (f Form) Names() []string { return slices.Sorted(maps.Keys(f.values)) }

// One returns the value of a field, or "" if it is absent. A field that is given twice, is not valid percent-encoding
// or UTF-8, or contains a control character is fault.ErrInvalid naming the field.
func (f Form) One(name string) (string, error) {
	switch all := f.values[name]; len(all) {
	case 0:
		return "", nil
	case 1:
		value, err := url.QueryUnescape(all[0])
		if err != nil {
			return "", fault.ErrInvalid.About(printable(name), "is not valid percent-encoding")
		}
		if !isPlain(value) {
			return "", fault.ErrInvalid.About(printable(name), notPlain)
		}
		return value, nil
	default:
		return "", fault.ErrInvalid.About(printable(name), "is given twice")
	}
}
