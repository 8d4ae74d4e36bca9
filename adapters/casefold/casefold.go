// Package casefold implements the case folding by which names are compared.
//
// Two spellings that people take for the same name must fold to the same text; otherwise one account has two counters
// of failed attempts, and a look-alike can be registered (RFC 8265). strings.ToLower is not enough and, worse, maps
// characters such as the dotted capital I of Turkish to plain ASCII ones, by which email for one person went to
// another.
package casefold

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// CaseFolder implements ports.CaseFolder; the zero value is ready and safe for concurrent use.
type CaseFolder struct{}

// Fold returns the compatibility caseless form of text: NFKC and full case folding, repeated where one undoes the other
// (Unicode 3.13, definition D146). Folding a folded text changes nothing.
func (CaseFolder) Fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	// A Caser may hold state, so each call makes its own.
	fold := cases.Fold()
	folded := norm.NFKD.String(fold.String(norm.NFD.String(text)))
	return norm.NFKC.String(fold.String(folded))
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
