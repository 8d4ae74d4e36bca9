package mongostore

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const maxGram = 3

// grams returns the different pieces of one to three characters of a text. They stand in an indexed array, so that a
// substring is found by its pieces; what they find is held against the text itself.
func grams(text string) []string {
	found := map[string]bool{}
	runes := []rune(text)
	for i := range runes {
		for n := 1; n <= maxGram && i+n <= len(runes); n++ {
			if runes[i+n-1] == '\n' { // the names stand on lines of their own; nothing is searched across them
				break
			}
			found[string(runes[i:i+n])] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// maxSearchPieces bounds how many pieces of a long term are looked up, all along it.
const maxSearchPieces = 16

// next returns the piece after i: a step on, the last one where the step leads beyond it, and then the end.
func next(i, step, last int) int {
	if i < last {
		return min(i+step, last)
	}
	return last + 1
}

// nobody is a condition that nothing meets.
var nobody = bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{}}}}}

// searchFilter returns the condition that a folded text is a part of the search text.
func searchFilter(text string) bson.D {
	if strings.ContainsRune(text, 0) { // no pattern can hold it, and neither can a name
		return nobody
	}
	runes := []rune(text)
	n := min(len(runes), maxGram)
	last := len(runes) - n
	step := max(1, (last+maxSearchPieces-2)/(maxSearchPieces-1))
	var pieces bson.A
	for i := 0; i <= last; i = next(i, step, last) {
		if piece := string(runes[i : i+n]); !slices.Contains(pieces, any(piece)) {
			pieces = append(pieces, piece)
		}
	}
	filter := bson.D{{Key: "grams", Value: bson.D{{Key: "$all", Value: pieces}}}}
	if len(runes) > maxGram {
		filter = append(filter, bson.E{Key: "doc.searchtext", Value: bson.D{{Key: "$regex", Value: regexp.QuoteMeta(text)}}})
	}
	return filter
}
