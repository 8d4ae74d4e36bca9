package sqlitestore

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
)

// foldAt is how many changed users wait before they are folded into the search index together.
const foldAt = 64

// pieceLength is the longest piece that the search index knows, in characters.
const pieceLength = 3

// The words of the index that are no pieces begin with letters that hexadecimal digits do not have.
func cellWord(cell int64) string            { return "x" + strconv.FormatInt(cell, 10) }
func groupWord(group domain.GroupID) string { return "y" + hex.EncodeToString([]byte(group)) }

// piecesOf returns every piece of one to three characters of the text as a word of the index, once. No piece reaches from
// one line into the next.
func piecesOf(text string) string {
	seen := map[string]struct{}{}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		var starts [pieceLength]int // where the last characters began
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

// maxSearchPieces bounds how many pieces of a long term are looked up.
const maxSearchPieces = 16

// searchFor returns the query of the index for a term, and whether what it finds needs no further look. Of a long term the
// index is asked for pieces all along it. More of them cost little, since it leaps over what the rarest does not have, and
// leave fewer users whose text has to be looked at.
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

// queueSearch has the user's text folded into the index later. A stale one is in the index already, under its old text.
func (s *Store) queueSearch(t *tx, n int64, stale bool) error {
	var waiting bool
	err := t.get(errNoEntry, "SELECT stale FROM search_pending WHERE n = ?", []any{n}, &waiting)
	if err == nil {
		return nil // the text is read when it is folded
	} else if !errors.Is(err, errNoEntry) {
		return err
	}
	t.onCommit(func() {
		if s.pending.Add(1) >= foldAt {
			select {
			case s.fold <- struct{}{}:
			default: // it was asked for already
			}
		}
	})
	return t.exec("INSERT INTO search_pending (n, stale) VALUES (?, ?)", n, stale)
}

func (s *Store) countPending(ctx context.Context) error {
	var count int64
	err := s.reads.get(ctx, errNoEntry, "SELECT count(*) FROM search_pending", nil, &count)
	s.pending.Store(count)
	return err
}

// foldSearches folds whenever enough users are waiting, until ctx ends. What could not be folded waits for the next time.
func (s *Store) foldSearches(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.fold:
			_ = s.writer.do(ctx, s.foldPending)
		}
	}
}

type pendingSearch struct {
	n      int64
	stale  bool
	text   *string // nil when the user is gone
	cell   *int64
	groups *string // a JSON array, nil for none
}

func (s *Store) foldPending(t *tx) error {
	var batch []pendingSearch
	err := t.each(func(rows rowScanner) error {
		var p pendingSearch
		err := rows.Scan(&p.n, &p.stale, &p.text, &p.cell, &p.groups)
		batch = append(batch, p)
		return err
	}, "SELECT p.n, p.stale, u.search_text, u.cell, u.doc ->> '$.groups' FROM search_pending p LEFT JOIN users u ON u.n = p.n")
	if err != nil {
		return err
	}
	for _, p := range batch {
		if err := foldOne(t, p); err != nil {
			return err
		}
	}
	t.onCommit(func() { s.pending.Add(-int64(len(batch))) })
	return t.exec("DELETE FROM search_pending")
}

func foldOne(t *tx, p pendingSearch) error {
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
	return t.exec("INSERT INTO user_search (rowid, pieces) VALUES (?, ?)", p.n, wordsOf(*p.text, *p.cell, groups))
}

// wordsOf returns all that the index knows of a user.
func wordsOf(text string, cell int64, groups []domain.GroupID) string {
	words := []string{piecesOf(text) + cellWord(cell)}
	for _, group := range groups {
		words = append(words, groupWord(group))
	}
	return strings.Join(words, " ")
}
