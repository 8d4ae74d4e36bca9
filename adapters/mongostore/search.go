package mongostore

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const maxGram = 3

// grams returns the distinct substrings of one to three characters of a text. They are stored in an indexed array, so
// that a substring search finds candidates by its pieces and then compares the text itself.
func grams(text string) []string {
	found := map[string]bool{}
	runes := []rune(text)
	for i := range runes {
		for n := 1; n <= maxGram && i+n <= len(runes); n++ {
			if runes[i+n-1] == '\n' { // names are on separate lines; a search never spans lines
				break
			}
			found[string(runes[i:i+n])] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// maxSearchPieces limits the number of pieces of a long search term that are looked up, spread over the whole
// term.
const maxSearchPieces = 16

// matchNone matches no document.
var matchNone = bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{}}}}}

// searchFilter matches users whose search text contains the case-folded text.
func searchFilter(text string) bson.D {
	if strings.ContainsRune(text, 0) { // no regular expression can contain it, and no name does
		return matchNone
	}
	runes := []rune(text)
	n := min(len(runes), maxGram)
	last := len(runes) - n
	step := max(1, (last+maxSearchPieces-2)/(maxSearchPieces-1))
	var pieces bson.A
	add := func(i int) {
		if piece := string(runes[i : i+n]); !slices.Contains(pieces, any(piece)) {
			pieces = append(pieces, piece)
		}
	}
	for i := 0; i < last; i += step {
		add(i)
	}
	add(last)
	filter := bson.D{{Key: "grams", Value: bson.D{{Key: "$all", Value: pieces}}}}
	if len(runes) > maxGram {
		filter = append(filter, bson.E{Key: "doc.searchtext", Value: bson.D{{Key: "$regex", Value: regexp.QuoteMeta(text)}}})
	}
	return filter
}
