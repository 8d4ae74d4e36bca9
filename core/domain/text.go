package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// unprintable reports whether r is a control character or one that changes the direction of text. Both can forge log
// lines and names.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// invisible reports whether r is not rendered: a variation selector, a filler, a joiner or any other code point with
// the property Default_Ignorable_Code_Point. Some of them count as letters and marks, so a name with one looks like a
// name without it.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf)
}

// nameCharacter reports whether r is a letter, digit or mark that a name may contain.
func nameCharacter(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) && !invisible(r)
}

// IsPrintable reports whether text is valid UTF-8 without control and bidirectional characters, the rule for every
// displayed single-line text.
func IsPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

// IsVisible reports whether text is printable and contains no invisible characters, the rule for names that must differ
// visibly.
func IsVisible(text string) bool {
	return IsPrintable(text) && !strings.ContainsFunc(text, invisible)
}

// Printable returns text from a directory as it is stored: at most limit characters, with spaces instead of line ends
// and tabs, and without invalid UTF-8, control or bidirectional characters.
func Printable(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(strings.ToValidUTF8(text, "")) {
		if n == limit {
			break
		}
		switch {
		case unicode.IsControl(r) && unicode.IsSpace(r):
			r = ' '
		case unprintable(r):
			continue
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
