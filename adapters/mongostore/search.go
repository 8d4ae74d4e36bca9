package mongostore

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// A user has two arrays for the search. "ends" has what begins at each character of the names, up to maxEnd characters:
// a search for a term up to that length reads one range of its index, and a count needs no documents. "tri" has the
// substrings of three characters; its index is in the order of creation. Users that a version before this has written
// have "grams" instead; see searchformat.go.
const (
	endsField  = "ends"
	triField   = "tri"
	gramsField = "grams"
	maxEnd     = 8
)

// The first character of an end says whether the username and the email address begin with the same characters.
const (
	plainEnd rune = 1
	emailEnd rune = 1 // added to plainEnd
	userEnd  rune = 2 // added to plainEnd
)

// classLength is the number of characters of an end that are compared with the beginnings of the names.
const classLength = records.SearchPiece

// allClasses are the first characters of all ends.
func allClasses() []rune {
	return []rune{plainEnd, plainEnd + emailEnd, plainEnd + userEnd, plainEnd + userEnd + emailEnd}
}

// classesWithout returns the first characters of the ends with which the field of the order does not begin.
func classesWithout(bit rune) []rune {
	return slices.DeleteFunc(allClasses(), func(class rune) bool { return (class-plainEnd)&bit != 0 })
}

// specials have a meaning in regular expressions. In ends they are control characters, so that a prefix is a pattern
// without escapes, which every server maps to a range of the index.
const specials = `\.^$*+?()[]{}|`

const (
	firstSpecial = 0x0e
	privateUse   = 0xf700 // for control characters in a name
)

func escapeEnd(text string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(specials, r); i >= 0 {
			return firstSpecial + rune(i) //nolint:gosec // an index of specials
		}
		if r < ' ' {
			return privateUse + r
		}
		return r
	}, text)
}

// endsOf returns the ends of a user, without those that begin another end.
func endsOf(u *domain.User) []string {
	found := map[string]bool{}
	for line := range strings.SplitSeq(u.SearchText, "\n") {
		runes := []rune(line)
		for i := range runes {
			start := string(runes[i:min(len(runes), i+classLength)])
			class := plainEnd
			if strings.HasPrefix(u.UsernameKey, start) {
				class += userEnd
			}
			if strings.HasPrefix(u.EmailKey, start) {
				class += emailEnd
			}
			found[string(class)+escapeEnd(string(runes[i:min(len(runes), i+maxEnd)]))] = true
		}
	}
	all := slices.Sorted(maps.Keys(found))
	ends := make([]string, 0, len(all))
	for i, end := range all {
		if i+1 == len(all) || !strings.HasPrefix(all[i+1], end) {
			ends = append(ends, end)
		}
	}
	return ends
}

// substrings returns the distinct substrings of the lines of a text with minimum to maximum characters.
func substrings(text string, minimum, maximum int) []string {
	found := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		runes := []rune(line)
		for i := range runes {
			for n := minimum; n <= maximum && i+n <= len(runes); n++ {
				found[string(runes[i:i+n])] = true
			}
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(found))...) // never nil: an empty array in the document
}

// matchNone matches no document.
var matchNone = bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{}}}}}

// withEnd matches users with an end that begins with the piece, which has at most maxEnd characters.
func withEnd(piece string, classes []rune) bson.D {
	patterns := make(bson.A, len(classes))
	for i, class := range classes {
		patterns[i] = bson.Regex{Pattern: "^" + string(class) + escapeEnd(piece)}
	}
	return bson.D{{Key: endsField, Value: bson.D{{Key: "$in", Value: patterns}}}}
}

// beginning returns the first characters of the text, length or fewer.
func beginning(text string, length int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), length)])
}

// withText matches users whose search text contains the term.
func withText(term string) bson.D {
	return bson.D{{Key: "doc.searchtext", Value: bson.D{{Key: "$regex", Value: regexp.QuoteMeta(term)}}}}
}

// inEveryFormat matches users whose search text contains the term, whatever version wrote them.
func inEveryFormat(term string) bson.D {
	grams := records.SpreadPieces(term, records.SearchPiece, maxGrams)
	return append(bson.D{{Key: "$or", Value: bson.A{
		withEnd(beginning(term, maxEnd), allClasses()),
		bson.D{{Key: gramsField, Value: bson.D{{Key: "$all", Value: grams}}}},
	}}}, withText(term)...)
}

// maxGrams is the maximum number of pieces of a term that are compared.
const maxGrams = 16
