package sqlitestore

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
)

// indexBatch is the number of changed users that the search index adds in one batch.
const indexBatch = 64

// pieceLength is the maximum length of an indexed piece in characters. A piece is a substring of a search text.
const pieceLength = 3

// The words of facets and groups begin with characters that are not hexadecimal digits, so they never match a piece.
func facetWord(facet int64) string          { return "x" + strconv.FormatInt(facet, 10) }
func groupWord(group domain.GroupID) string { return "y" + hex.EncodeToString([]byte(group)) }

// piecesOf returns each distinct piece of one to three characters of the text as a word of the index. A piece does not
// cross lines.
func piecesOf(text string) string {
	seen := map[string]struct{}{}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		var starts [pieceLength]int // offsets of the last characters
		n := 0
		for i := range line {
			copy(starts[1:], starts[:])
			starts[0] = i
			n++
			_, size := utf8.DecodeRuneInString(line[i:])
			end := i + size
			for k := range min(n, pieceLength) {
				piece := line[starts[k]:end]
				if _, ok := seen[piece]; !ok {
					seen[piece] = struct{}{}
					b.WriteString(hex.EncodeToString([]byte(piece)))
					b.WriteByte(' ')
				}
			}
		}
	}
	return b.String()
}

// maxSearchPieces is the maximum number of pieces of a long term in a query.
const maxSearchPieces = 16

// searchFor returns the index query for a term, and whether its matches are exact. The query for a long term contains
// pieces at regular distances, and its matches must be checked. More pieces cost little, since the index skips to the
// matches of the rarest piece, and they leave fewer users whose text must be checked.
func searchFor(term string) (query string, exact bool) {
	runes := []rune(term)
	if len(runes) <= pieceLength {
		return quotePiece(runes), true
	}
	last := len(runes) - pieceLength
	step := max(1, (last+maxSearchPieces-2)/(maxSearchPieces-1))
	var words []string
	for i := 0; i < last; i += step {
		words = append(words, quotePiece(runes[i:i+pieceLength]))
	}
	return strings.Join(append(words, quotePiece(runes[last:])), " AND "), false
}

func quotePiece(runes []rune) string { return `"` + hex.EncodeToString([]byte(string(runes))) + `"` }

// queueSearch queues the user for the search index. A stale user is in the index already, with an old text.
func (s *Store) queueSearch(t *tx, n int64, stale bool) error {
	queued, err := isStored(t, "SELECT 1 FROM search_pending WHERE n = ?", n)
	if queued || err != nil {
		return err // the indexer reads the current text of a queued user
	}
	t.onCommit(func() {
		if s.pending.Add(1) >= indexBatch {
			select {
			case s.indexRequests <- struct{}{}:
			default: // the indexer was notified already
			}
		}
	})
	return t.exec("INSERT INTO search_pending (n, stale) VALUES (?, ?)", n, stale)
}

func (s *Store) countPending(ctx context.Context) error {
	var count int64
	err := s.reads.get(ctx, errNoRow, "SELECT count(*) FROM search_pending", nil, &count)
	s.pending.Store(count)
	return err
}

// runIndexer adds the pending users to the index whenever there are enough, until ctx is canceled. After an error the
// users stay pending.
func (s *Store) runIndexer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.indexRequests:
			_ = s.writer.do(ctx, s.indexPending)
		}
	}
}

type pendingSearch struct {
	n      int64
	stale  bool
	text   *string // nil if the user is deleted
	facet  *int64
	groups *string // a JSON array, nil for none
}

func (s *Store) indexPending(t *tx) error {
	var batch []pendingSearch
	err := t.each(func(rows rowScanner) error {
		var p pendingSearch
		err := rows.Scan(&p.n, &p.stale, &p.text, &p.facet, &p.groups)
		batch = append(batch, p)
		return err
	},
		"SELECT p.n, p.stale, u.search_text, u.cell, u.doc ->> '$.groups' FROM search_pending p LEFT JOIN users u ON u.n = "+
			"p.n")
	if err != nil {
		return err
	}
	for _, p := range batch {
		if err := indexOne(t, p); err != nil {
			return err
		}
	}
	t.onCommit(func() { s.pending.Add(-int64(len(batch))) })
	return t.exec("DELETE FROM search_pending")
}

func indexOne(t *tx, p pendingSearch) error {
	if p.stale {
		if err := t.exec("DELETE FROM user_search WHERE rowid = ?", p.n); err != nil {
			return err
		}
	}
	if p.text == nil {
		return nil
	}
	var groups []domain.GroupID
	if p.groups != nil {
		var err error
		if groups, err = decodeGroups(*p.groups); err != nil {
			return err
		}
	}
	return t.exec("INSERT INTO user_search (rowid, pieces) VALUES (?, ?)", p.n, wordsOf(*p.text, *p.facet, groups))
}

// wordsOf returns all indexed words of a user.
func wordsOf(text string, facet int64, groups []domain.GroupID) string {
	words := []string{piecesOf(text) + facetWord(facet)}
	for _, group := range groups {
		words = append(words, groupWord(group))
	}
	return strings.Join(words, " ")
}
