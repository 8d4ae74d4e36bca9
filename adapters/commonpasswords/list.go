package commonpasswords

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ccojocar/zxcvbn-go/data"
)

// minWord is the length from which a word of the list counts as the core of a longer password.
const minWord = 4

// seasonal are words of forced changes that the list lacks or may lose.
var seasonal = []string{
	"password", "passwort", "passphrase", "welcome", "changeme", "letmein", "secret", "administrator", "default",
	"temporary",
	"spring", "summer", "autumn", "winter", "season", "january", "february", "march", "april", "june", "july", "august",
	"september", "october", "november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
	"sunday",
	"company", "security", "service", "account", "access", "login", "system", "server", "office", "internet", "covid",
	"corona",
}

// List implements ports.KnownPasswords. It is safe for concurrent use.
type List struct {
	words map[string]struct{}
}

// New returns the shipped list; it takes a few milliseconds.
func New() (*List, error) {
	raw, err := data.Asset("data/Passwords.json")
	if err != nil {
		return nil, fmt.Errorf("reading the list of common passwords: %w", err)
	}
	var shipped struct {
		List []string `json:"List"`
	}
	if err := json.Unmarshal(raw, &shipped); err != nil {
		return nil, fmt.Errorf("reading the list of common passwords: %w", err)
	}
	l := &List{words: make(map[string]struct{}, len(shipped.List)+len(seasonal))}
	for _, word := range append(shipped.List, seasonal...) {
		l.words[strings.ToLower(word)] = struct{}{}
	}
	return l, nil
}

// IsKnown reports whether the password is on the list or is what people make of a word on it.
func (l *List) IsKnown(password string) bool {
	text := strings.ToLower(password)
	if l.has(text) || isRun(text) || isRun(unshifted.Replace(text)) || l.isRepeated(text) {
		return true
	}
	for start := 0; start <= min(maxDecoration, len(text)); start++ {
		if !isDecoration(text[:start]) {
			continue
		}
		for end := len(text); end >= start+minWord && end >= len(text)-maxDecoration; end-- {
			if isDecoration(text[end:]) && l.isCore(text[start:end]) {
				return true
			}
		}
	}
	return false
}

// isCore reports whether text is a word of the list, or a run, in one of its spellings.
func (l *List) isCore(text string) bool {
	if !strings.ContainsFunc(text, isLetter) {
		return false // digits without other characters are a number, not a word
	}
	for _, spelling := range []string{text, plainWithI.Replace(text), plainWithL.Replace(text)} {
		if l.has(spelling) || isRun(spelling) || l.isRepeated(spelling) {
			return true
		}
	}
	return false
}

func (l *List) has(word string) bool {
	_, found := l.words[word]
	return found
}

// isRepeated reports whether text is one piece said several times, with or without a sign between: a short one, or a
// word.
func (l *List) isRepeated(text string) bool {
	text = separators.Replace(text)
	for n := 1; n <= len(text)/2; n++ {
		if len(text)%n == 0 && strings.Repeat(text[:n], len(text)/n) == text && (n <= minWord || l.has(text[:n])) {
			return true
		}
	}
	return false
}
