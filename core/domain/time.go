package domain

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// timeForm is the grammar of RFC 3339 section 5.6. time.Parse alone accepts a comma before the fraction, an hour of one
// digit and any offset.
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

var errTimeForm = errors.New("not a date and time of RFC 3339")

// ParseTime parses a date and time of RFC 3339 and returns it in UTC. The letters T and Z may be in lower case.
func ParseTime(text string) (time.Time, error) {
	upper := strings.ToUpper(text)
	if !timeForm.MatchString(upper) {
		return time.Time{}, errTimeForm
	}
	at, err := time.Parse(time.RFC3339, upper)
	if err != nil {
		return time.Time{}, fmt.Errorf("parsing a time: %w", err)
	}
	return at.UTC(), nil
}
