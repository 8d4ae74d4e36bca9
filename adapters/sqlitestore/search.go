package sqlitestore

import (
	"context"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// indexBatch is the number of changed users that the search index adds in one batch.
const indexBatch = 64

// pieceLength is the maximum length of an indexed piece in characters. A piece is a substring of a search text.
const pieceLength = records.SearchPiece

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

const (
	// maxSearchPieces is the maximum number of pieces of a long term that are examined, and usedPieces of those that a
	// query contains. The matches of a long term must be checked.
	maxSearchPieces = 12
	usedPieces      = 3
	// spanCount is the number of matches of a piece whose distance shows how rare it is.
	spanCount = 64
)

// searchFor returns the index query for a term, and whether its matches are exact. The query for a long term contains
// its rarest pieces: the others have many matches, which are read for nothing.
func (s *Store) searchFor(ctx context.Context, term string) (query string, exact bool, err error) {
	switch length := utf8.RuneCountInString(term); {
	case length <= pieceLength:
		return quotePiece(term), true, nil
	case length <= 2*pieceLength: // its first and last piece contain every character
		pieces := records.SpreadPieces(term, pieceLength, 2)
		return quotePiece(pieces[0]) + " AND " + quotePiece(pieces[len(pieces)-1]), false, nil
	}
	pieces := records.SpreadPieces(term, pieceLength, maxSearchPieces)
	begin, err := s.spanBegin(ctx)
	if err != nil {
		return "", false, err
	}
	spans := make([]int64, len(pieces))
	for i, piece := range pieces {
		spans[i] = math.MaxInt64
		err := s.reads.get(ctx, nil, "SELECT rowid FROM user_search WHERE user_search MATCH ? AND rowid > ? "+
			"ORDER BY rowid LIMIT 1 OFFSET "+strconv.Itoa(spanCount), []any{quotePiece(piece), begin}, &spans[i])
		if err != nil {
			return "", false, err
		}
	}
	rarest := records.RarestPieces(pieces, spans, usedPieces)
	for i := range rarest {
		rarest[i] = quotePiece(rarest[i])
	}
	return strings.Join(rarest, " AND "), false, nil
}

// spanBegin returns a place among the users where the distances of matches are measured. Neither end is typical: the
// names of the first and of the last users may be numbers in sequence.
func (s *Store) spanBegin(ctx context.Context) (int64, error) {
	var first, last int64
	err := s.reads.get(ctx, errNoRow, "SELECT coalesce((SELECT min(n) FROM users), 0), coalesce((SELECT max(n) FROM users), 0)",
		nil, &first, &last)
	return first + (last-first)/8*3, err
}

func quotePiece(piece string) string { return `"` + hex.EncodeToString([]byte(piece)) + `"` }

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
