package config

import (
	"fmt"
	"strings"
)

// Mistake is one error of a configuration: its key, the problem and its remedy. It contains no secret.
type Mistake struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
	// "ostiary.yaml:7", "OSTIARY_LOG_LEVEL" or "--data-dir", if Locate has found it
	Source string `json:"source,omitempty"`
}

// String returns the mistake on one line.
func (m Mistake) String() string {
	if m.Source != "" {
		return m.Source + ": " + m.Key + ": " + m.Problem
	}
	return m.Key + ": " + m.Problem
}

// Mistakes are all errors of a configuration.
type Mistakes []Mistake //nolint:errname // it is a list, which is also returned as an error

// Error returns one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

// add adds a mistake. Texts among the arguments are quoted without what may be a secret in a URL.
func (m *Mistakes) add(key, format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = maskURL(text)
		}
	}
	*m = append(*m, Mistake{Key: key, Problem: fmt.Sprintf(format, args...)})
}

// err returns nil if there is no mistake.
func (m Mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// nearest returns ` (did you mean "x"?)` for the closest word within the range of a typing error, or "".
func nearest(word string, words []string) string {
	best, distance := "", min(3, len(word)/2+1)
	for _, candidate := range words {
		d := editDistance(word, candidate)
		if len(word) > 2 && strings.HasPrefix(candidate, word) {
			d = min(d, 2) // abbreviated, as people do
		}
		if d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance returns the number of characters to insert, remove or replace (Levenshtein).
func editDistance(a, b string) int {
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current := make([]int, len(b)+1)
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			current[j+1] = min(previous[j+1]+1, current[j]+1, previous[j]+cost)
		}
		previous = current
	}
	return previous[len(b)]
}
