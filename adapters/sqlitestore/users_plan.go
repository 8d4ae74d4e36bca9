package sqlitestore

import (
	"context"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// strategy is the way in which a query reads the users.
type strategy int

const (
	// scanOrder reads all users in the order of the list and checks the filters on each, for filters that most users
	// match.
	scanOrder strategy = iota
	// mergeFacets merges the ordered users of the facets and checks the other filters on each.
	mergeFacets
	// readGroup and readFound read the members of the group or the matches of the search index. Both come in the order
	// of creation, so that reading ends with the page. In another order all of them are read and sorted.
	readGroup
	readFound
	// readScanned has read the first users in the order of the list already. readNamed merges the users whose name
	// begins with the term, which are together in the order of the list, with the other matches. readSet reads the users
	// in the order of the list and looks each up in the set of all matches.
	readScanned
	readNamed
	readSet
)

const (
	// fewUsers is the maximum number of users whose filters are checked or that are sorted for one page, and fewFound
	// that of search results.
	fewUsers       = 2000
	fewFound int64 = domain.ExactTotal
	// maxStreams is the maximum number of facets that one query merges.
	maxStreams = 128
)

// userPlan is the plan of one query of the list.
type userPlan struct {
	s        *Store
	order    userOrder
	position *userPosition // the page begins after it; nil for the first page
	counts   facetCounts
	facets   string // the matching facets as a JSON array; empty if all match
	group    domain.GroupID
	members  int64 // number of users in the group
	search   string
	words    string // query of the search index, with the words of group and facets
	checked  bool   // the facets are too many for words: they are checked afterwards
	exact    bool   // the matches of the search index need no further check
	limit    int    // of the page, with one user more
	offset   int
	scanned  []int64 // see readScanned
	apart    bool    // readNamed: there are matches whose name does not begin with the term
	strategy strategy
}

func (p *userPlan) choose(ctx context.Context) (err error) {
	switch {
	case p.group == "" && p.search == "":
		p.strategy = p.chooseFacets()
	case p.fewFacets():
		p.strategy = mergeFacets
	case p.group != "" && p.members <= fewUsers:
		p.strategy = readGroup
	case p.search == "":
		p.strategy = p.byCreation(readGroup)
	default:
		p.strategy, err = p.chooseFound(ctx)
	}
	return err
}

// fewFacets reports whether the facets leave few users, and fewer than the group.
func (p *userPlan) fewFacets() bool {
	return p.facets != "" && p.counts.matching <= fewUsers && len(p.counts.facets) <= maxStreams &&
		(p.group == "" || p.counts.matching < p.members)
}

// byCreation returns the strategy if the list is in the order of creation, and scanOrder otherwise.
func (p *userPlan) byCreation(s strategy) strategy {
	if p.order.column == "n" {
		return s
	}
	return scanOrder
}

func (p *userPlan) chooseFacets() strategy {
	// If a quarter of all users match, filling a page reads about four pages of users.
	if p.order.merged() {
		return mergeFacets
	}
	if p.facets == "" || p.counts.matching*4 >= p.counts.all || len(p.counts.facets) > maxStreams {
		return scanOrder
	}
	return mergeFacets
}

// total counts the matching users. If only facets or only a group filter the list, it reads the stored counters.
func (p *userPlan) total(ctx context.Context) (total int64, estimated bool, err error) {
	switch {
	case p.group == "" && p.search == "":
		return p.counts.matching, false, nil
	case p.search == "" && p.facets == "":
		return p.members, false, nil
	case p.strategy == mergeFacets:
		where, args := p.filter(false)
		total, err = p.count(ctx, "users u INDEXED BY users_cell WHERE u.cell IN (SELECT value FROM json_each(?))"+where,
			append([]any{p.facets}, args...))
	case p.strategy == readGroup || p.search == "":
		where, args := p.filter(true)
		total, err = p.count(ctx, membersOf+where, append([]any{string(p.group)}, args...))
	default:
		total, err = p.countFound(ctx, domain.ExactTotal+1)
	}
	return total, total > domain.ExactTotal, err
}

func (p *userPlan) count(ctx context.Context, from string, args []any) (total int64, err error) {
	err = p.s.reads.get(ctx, errNoRow, "SELECT count(*) FROM (SELECT 1 FROM "+from+" LIMIT 0+?)",
		append(args, domain.ExactTotal+1), &total)
	return total, err
}

// buildMatch builds the query of the search index.
func (p *userPlan) buildMatch(ctx context.Context) (err error) {
	if p.words, p.exact, err = p.s.searchFor(ctx, p.search); err != nil {
		return err
	}
	if p.group != "" {
		p.words += " AND " + groupWord(p.group)
	}
	if p.facets == "" {
		return nil
	}
	if len(p.counts.facets) > maxStreams {
		p.checked, p.exact = true, false
		return nil
	}
	words := make([]string, len(p.counts.facets))
	for i, facet := range p.counts.facets {
		words[i] = facetWord(facet)
	}
	p.words += " AND (" + strings.Join(words, " OR ") + ")"
	return nil
}

// filter returns the conditions on the table u that the query does not apply already: with or without the facets, and
// the group unless the strategy reads it.
func (p *userPlan) filter(withFacets bool) (string, []any) {
	where, args := "", []any(nil)
	if p.facets != "" && withFacets {
		where += " AND u.cell IN (SELECT value FROM json_each(?))"
		args = append(args, p.facets)
	}
	if p.group != "" && p.strategy != readGroup {
		where += " AND EXISTS (SELECT 1 FROM group_members g WHERE g.group_id = ? AND g.n = u.n)"
		args = append(args, string(p.group))
	}
	if p.search != "" {
		where += " AND instr(u.search_text, ?) > 0"
		args = append(args, p.search)
	}
	return where, args
}

// found returns the query of all users that match the search, both indexed and pending ones. column is the selected
// column of the table f, or of the user in the table u.
func (p *userPlan) found(column, after string, afterArgs []any) (string, []any) {
	query, args := p.indexed(column)
	query += " AND f.rowid NOT IN (SELECT n FROM search_pending)"
	waiting, waitingArgs := p.waiting(column)
	if after != "" {
		query, args = query+" AND f.rowid"+after, append(args, afterArgs...)
		waiting, waitingArgs = waiting+" AND f.n"+after, append(waitingArgs, afterArgs...)
	}
	return query + " UNION ALL " + waiting, append(args, waitingArgs...)
}

// indexed returns the query of the users that the index finds. Matches of pending users may be based on old values.
func (p *userPlan) indexed(column string) (string, []any) {
	join, where, args := "", "", []any{p.words}
	if !p.exact {
		join = " CROSS JOIN user_texts t ON t.n = f.rowid"
		where, args = " AND instr(t.search_text, ?) > 0", append(args, p.search)
		if p.checked {
			join += " CROSS JOIN users u ON u.n = f.rowid"
			where, args = where+" AND u.cell IN (SELECT value FROM json_each(?))", append(args, p.facets)
		}
	}
	return "SELECT " + column + " FROM user_search f" + join + " WHERE user_search MATCH ?" + where, args
}

// waiting returns the query of the matching users that are pending for the index.
func (p *userPlan) waiting(column string) (string, []any) {
	where, args := p.filter(true)
	return "SELECT " + column + " FROM search_pending f CROSS JOIN users u ON u.n = f.n WHERE TRUE" + where, args
}

// countFound counts the users that match the search, up to limit.
func (p *userPlan) countFound(ctx context.Context, limit int) (total int64, err error) {
	if !p.exact {
		query, args := p.found("1", "", nil)
		err = p.s.reads.get(ctx, errNoRow, "SELECT count(*) FROM ("+query+" LIMIT 0+?)", append(args, limit), &total)
		return total, err
	}
	// Checking for each of thousands of matches whether it is pending takes longer than the search, so pending users
	// are counted separately.
	query, args := p.indexed("1")
	waiting, waitingArgs := p.waiting("1")
	args = append(append(args, limit, p.words), waitingArgs...)
	err = p.s.reads.get(ctx, errNoRow, "SELECT (SELECT count(*) FROM ("+query+" LIMIT 0+?))"+
		" - (SELECT count(*) FROM search_pending w CROSS JOIN user_search f WHERE f.rowid = w.n AND w.stale AND "+
		"user_search MATCH ?)"+
		" + (SELECT count(*) FROM ("+waiting+"))", args, &total)
	return total, err
}
