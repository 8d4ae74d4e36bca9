package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Secret is a string that is never printed: formatting and encoding produce a mask.
type Secret string

const mask = "********"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a mask, or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString returns the same as String.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns the same as String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Rate allows Limit events in any Window. The zero Rate means no limit.
type Rate struct {
	Limit  int
	Window time.Duration
}

// String returns the rate in its configuration form, such as "5/1m", or "off".
func (r Rate) String() string {
	if r == (Rate{}) {
		return Off
	}
	return fmt.Sprintf("%d/%s", r.Limit, formatDuration(r.Window))
}

// UnmarshalText parses "5/1m" or "off".
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == Off {
		*r = Rate{}
		return nil
	}
	count, window, ok := strings.Cut(string(text), "/")
	limit, err := strconv.Atoi(strings.TrimSpace(count))
	length, lengthErr := parseDuration(strings.TrimSpace(window))
	if !ok || err != nil || lengthErr != nil || limit < 1 || limit > 1_000_000 || length < time.Second ||
		length > 366*day {
		return errors.New(`write a number and a time of 1s to 366d, such as "5/1m", or "off"`)
	}
	*r = Rate{limit, length}
	return nil
}

// MarshalText returns the same as String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// parseDuration parses what time.ParseDuration does, and days: "30d".
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36_500 {
			return 0, errors.New("no number of days")
		}
		return time.Duration(n) * day, nil
	}
	return time.ParseDuration(text)
}

// formatDuration formats what parseDuration parses, without the zeros of time.Duration ("1m0s").
func formatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
