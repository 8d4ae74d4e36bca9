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

// nobody is a condition that nothing meets.
var nobody = bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{}}}}}

// searchFilter returns the condition that a folded text is a part of the search text.
func searchFilter(text string) bson.D {
	if strings.ContainsRune(text, 0) { // no pattern can hold it, and neither can a name
		return nobody
	}
	runes := []rune(text)
	n := min(len(runes), maxGram)
	var pieces bson.A
	for i := 0; i+n <= len(runes); i++ {
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
