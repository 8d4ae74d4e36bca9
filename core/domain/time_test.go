package domain_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

func TestParseTimeReadsRFC3339InEitherCase(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 15, 10, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2024-01-15T10:30:00Z":          at,
		"2024-01-15t10:30:00z":          at,
		"2024-01-15t10:30:00Z":          at,
		"2024-01-15T10:30:00z":          at,
		"2024-01-15t12:30:00+02:00":     at,
		"2024-01-15t10:30:00.25z":       at.Add(250 * time.Millisecond),
		"2024-01-15 10:30:00Z":          {},
		"2024-01-15T10:30:00":           {},
		"2024-01-15T1:30:00Z":           {},
		"2024-01-15T10:30:00,5Z":        {},
		"2024-01-15T10:30:00+24:00":     {},
		"2024-01-15":                    {},
		"":                              {},
		"2024-01-15T10:30:00Z trailing": {},
	} {
		got, err := domain.ParseTime(text)
		if !got.Equal(want) || (err == nil) == want.IsZero() {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}
