package sqlitestore

import (
	"context"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// strategy is the way in which a query reads the users.
type strategy int

const (
	// scanOrder reads all users in the order of the list and checks the filters on each, for filters that most users
	// match.
	scanOrder strategy = iota
	// mergeFacets merges the ordered users of the facets, each limited to the length of the page.
	mergeFacets
	// gatherFacets, gatherGroup and gatherFound read all users that match one filter and sort them, for few matches.
	gatherFacets
	gatherGroup
	gatherFound
	// followGroup and followFound read the group or the search results in the order of creation, up to the end of the
	// page.
	followGroup
	followFound
)

const (
	// fewUsers is the maximum number of users that are read and sorted for one page, and fewFound that of search
	// results.
	fewUsers = 2000
	fewFound = domain.ExactTotal
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
	words    string // query of the search index, with the words of facets and group
	exact    bool   // the matches of the search index need no further check
	strategy strategy
	counted  *int64 // number of search results, nil until they were counted
}

func (p *userPlan) choose(ctx context.Context) (err error) {
	few := p.counts.matching <= fewUsers && p.facets != ""
	switch {
	case p.group == "" && p.search == "":
		p.strategy = p.chooseFacets()
	case few && (p.group == "" || p.counts.matching < p.members):
		p.strategy = gatherFacets
	case p.group != "" && p.members <= fewUsers:
		p.strategy = gatherGroup
	case p.search == "":
		p.strategy = p.byCreation(followGroup, scanOrder)
	default:
		p.strategy, err = p.chooseFound(ctx)
	}
	return err
}

func (p *userPlan) byCreation(strategy, otherwise strategy) strategy {
	if p.order.column == "n" {
		return strategy
	}
	return otherwise
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

// chooseFound chooses the strategy of a search. If the list is not in the order of creation it counts the matches
// first.
func (p *userPlan) chooseFound(ctx context.Context) (strategy, error) {
	if p.order.column == "n" {
		return followFound, nil
	}
	found, err := p.countFound(ctx, fewFound+1)
	p.counted = &found // counted up to the same limit as the total
	if found > fewFound {
		return scanOrder, err
	}
	return gatherFound, err
}

// buildMatch builds the query of the search index.
func (p *userPlan) buildMatch() {
	p.words, p.exact = searchFor(p.search)
	if p.group != "" {
		p.words += " AND " + groupWord(p.group)
	}
	if p.facets == "" {
		return
	}
	if len(p.counts.facets) > maxStreams {
		p.exact = false // too many for one query: the facets are checked afterwards
	} else {
		words := make([]string, len(p.counts.facets))
		for i, facet := range p.counts.facets {
			words[i] = facetWord(facet)
		}
		p.words += " AND (" + strings.Join(words, " OR ") + ")"
	}
}

// filter returns the conditions on the table u, without those that the strategies in applied already enforce.
func (p *userPlan) filter(applied ...strategy) (string, []any) {
	has := func(w strategy) bool { return slices.Contains(applied, w) }
	where, args := "", []any(nil)
	if p.facets != "" && !has(gatherFacets) {
		where += " AND u.cell IN (SELECT value FROM json_each(?))"
		args = append(args, p.facets)
	}
	if p.group != "" && !has(gatherGroup) {
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
		var filterArgs []any
		where, filterArgs = p.filter()
		args = append(args, filterArgs...)
	}
	if !p.exact {
		join = " CROSS JOIN users u ON u.n = f.rowid"
	}
	return "SELECT " + column + " FROM user_search f" + join + " WHERE user_search MATCH ?" + where, args
}

// waiting returns the query of the matching users that are pending for the index.
func (p *userPlan) waiting(column string) (string, []any) {
	where, args := p.filter()
	return "SELECT " + column + " FROM search_pending f CROSS JOIN users u ON u.n = f.n WHERE TRUE" + where, args
}

// countFound counts the users that match the search, up to limit.
func (p *userPlan) countFound(ctx context.Context, limit int) (total int64, err error) {
	if !p.exact {
		query, args := p.found("1", "", nil)
		err = p.s.reads.get(ctx, errNoEntry, "SELECT count(*) FROM ("+query+" LIMIT ?)", append(args, limit), &total)
		return total, err
	}
	// Checking for each of thousands of matches whether it is pending takes longer than the search, so pending users
	// are counted separately.
	query, args := p.indexed("1")
	waiting, waitingArgs := p.waiting("1")
	args = append(append(args, limit, p.words), waitingArgs...)
	err = p.s.reads.get(ctx, errNoEntry, "SELECT (SELECT count(*) FROM ("+query+" LIMIT ?))"+
		" - (SELECT count(*) FROM search_pending w CROSS JOIN user_search f WHERE f.rowid = w.n AND w.stale AND user_search MATCH ?)"+
		" + (SELECT count(*) FROM ("+waiting+"))", args, &total)
	return total, err
}

// total counts the matching users. If only facets or only a group filter the list, it reads the stored counters.
func (p *userPlan) total(ctx context.Context) (total int64, estimated bool, err error) {
	switch {
	case p.group == "" && p.search == "":
		return p.counts.matching, false, nil
	case p.search == "" && p.facets == "":
		return p.members, false, nil
	case p.counted != nil:
		total = *p.counted
	case p.search != "" && p.strategy != gatherFacets && p.strategy != gatherGroup:
		total, err = p.countFound(ctx, domain.ExactTotal+1)
	default:
		query, args := p.matches()
		err = p.s.reads.get(ctx, errNoEntry, "SELECT count(*) FROM ("+query+" LIMIT ?)", append(args, domain.ExactTotal+1), &total)
	}
	return total, total > domain.ExactTotal, err
}

// matches returns the query of all matching users, unordered, by facet or by group.
func (p *userPlan) matches() (string, []any) {
	if p.strategy == gatherFacets {
		where, args := p.filter(gatherFacets)
		return "SELECT 1 FROM users u INDEXED BY users_cell WHERE u.cell IN (SELECT value FROM json_each(?))" + where, append([]any{p.facets}, args...)
	}
	where, args := p.filter(gatherGroup)
	return "SELECT 1 FROM group_members m CROSS JOIN users u ON u.n = m.n WHERE m.group_id = ?" + where, append([]any{string(p.group)}, args...)
}
