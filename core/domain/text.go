package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDirectoryNameLength bounds the username that a directory gives, in characters.
const MaxDirectoryNameLength = 256

// unprintable reports whether r is a control character or one that changes the direction of text. Both forge log lines and
// names.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// invisible reports whether r is drawn as nothing: a variation selector, a filler, a joiner or any other code point with the
// property Default_Ignorable_Code_Point. Some of them count as letters and marks, so a name with one looks like a name
// without it.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf)
}

// nameCharacter reports whether r is a letter, digit or mark that a name may hold.
func nameCharacter(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) && !invisible(r)
}

// IsPrintable reports whether text is valid UTF-8 without control and bidirectional characters, the rule for every text of one
// line that is displayed.
func IsPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

// IsVisible reports whether text is printable and holds no invisible characters, the rule for names that must differ to the eye.
func IsVisible(text string) bool {
	return IsPrintable(text) && !strings.ContainsFunc(text, invisible)
}

// Printable returns text as it is stored when it comes from a directory: at most limit characters, white space in place of
// line ends and tabs, and no invalid UTF-8, control or bidirectional characters.
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
