package records

import (
	"cmp"
	"slices"
	"strings"
)

// SearchPiece is the length of the pieces of search texts in characters that the search indexes of both stores share.
// A piece is a substring of one line of a search text.
const SearchPiece = 3

// SpreadPieces returns at most limit substrings of the term with length characters, spread over the whole term. A term
// that is shorter is the only piece.
func SpreadPieces(term string, length, limit int) []string {
	runes := []rune(term)
	last := len(runes) - length
	if last <= 0 {
		return []string{term}
	}
	var pieces []string
	add := func(i int) {
		if piece := string(runes[i : i+length]); !slices.Contains(pieces, piece) {
			pieces = append(pieces, piece)
		}
	}
	limit = max(2, limit)
	step := (last + limit - 2) / (limit - 1)
	for i := 0; i < last; i += step {
		add(i)
	}
	add(last)
	return pieces
}

// RarestPieces returns the count pieces whose matches are the farthest apart, the rarest first. A search for a long
// term reads the matches of its rarest pieces only: everybody has those of a mail domain. spans has the distance that a
// fixed number of matches of each piece covers in the index.
func RarestPieces(pieces []string, spans []int64, count int) []string {
	order := make([]int, len(pieces))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spans[b], spans[a]) })
	rarest := make([]string, 0, count)
	for _, i := range order[:min(count, len(order))] {
		rarest = append(rarest, pieces[i])
	}
	return rarest
}

// SearchesNothing reports whether no search text contains the term. A search does not span lines.
func SearchesNothing(term string) bool { return strings.ContainsAny(term, "\n\x00") }
