package sqlitestore

import (
	"context"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// way is how a list goes through the users.
type strategy int

const (
	// walkOrder goes along the order and looks at each user: for filters that most users pass.
	scanOrder strategy = iota
	// mergeCells merges the orders of the cells, each cut off at the length of the page.
	mergeFacets
	// gatherCells, gatherGroup and gatherFound read everybody whom one filter leaves, and sort them: they are few.
	gatherFacets
	gatherGroup
	gatherFound
	// followGroup and followFound go through the group or the findings in the order of creation and stop at the end of
	// the page.
	followGroup
	followFound
)

const (
	// fewUsers is how many are read and sorted for one page, and fewFound how many of those whom a search finds.
	fewUsers = 2000
	fewFound = domain.ExactTotal
	// maxStreams is how many cells are merged at the most.
	maxStreams = 128
)

// userPlan is how one query of the list is answered.
type userPlan struct {
	s        *Store
	order    userOrder
	position *userPosition // the page begins after it; nil for the beginning
	counts   facetCounts
	facets   string // the matching cells as a JSON array; empty when all match
	group    domain.GroupID
	members  int64 // of the group
	search   string
	words    string // what the search index is asked: for the cells and the group too
	exact    bool   // what the search index finds needs no further look
	strategy strategy
	counted  *int64 // how many the search finds, once that was counted
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
	// When a quarter of all users pass, a page takes about four pages of walking.
	if p.order.merged() {
		return mergeFacets
	}
	if p.facets == "" || p.counts.matching*4 >= p.counts.all || len(p.counts.facets) > maxStreams {
		return scanOrder
	}
	return mergeFacets
}

// chooseFound looks how many the search index finds, when they come in another order than the list's.
func (p *userPlan) chooseFound(ctx context.Context) (strategy, error) {
	if p.order.column == "n" {
		return followFound, nil
	}
	found, err := p.countFound(ctx, fewFound+1)
	p.counted = &found // up to the same limit as the total
	if found > fewFound {
		return scanOrder, err
	}
	return gatherFound, err
}

// ask makes the question for the search index.
func (p *userPlan) buildMatch() {
	p.words, p.exact = searchFor(p.search)
	if p.group != "" {
		p.words += " AND " + groupWord(p.group)
	}
	if p.facets == "" {
		return
	}
	if len(p.counts.facets) > maxStreams {
		p.exact = false // too many for one question: looked at afterwards
	} else {
		words := make([]string, len(p.counts.facets))
		for i, facet := range p.counts.facets {
			words[i] = facetWord(facet)
		}
		p.words += " AND (" + strings.Join(words, " OR ") + ")"
	}
}

// filter returns the conditions that the table u must still meet; what the way itself has looked at is left out.
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

// found returns the query of everybody who is found: in the index, and among those who wait to be folded into it.
// column is what it gives of the table f, or of the user in the table u.
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

// indexed returns the query of those whom the index finds, some of them under what they were before.
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

// waiting returns the query of those who wait to be folded into the index.
func (p *userPlan) waiting(column string) (string, []any) {
	where, args := p.filter()
	return "SELECT " + column + " FROM search_pending f CROSS JOIN users u ON u.n = f.n WHERE TRUE" + where, args
}

// countFound counts up to limit.
func (p *userPlan) countFound(ctx context.Context, limit int) (total int64, err error) {
	if !p.exact {
		query, args := p.found("1", "", nil)
		err = p.s.reads.get(ctx, errNoEntry, "SELECT count(*) FROM ("+query+" LIMIT ?)", append(args, limit), &total)
		return total, err
	}
	// Looking up each of thousands among those who wait takes longer than finding them: those who wait are counted
	// apart.
	query, args := p.indexed("1")
	waiting, waitingArgs := p.waiting("1")
	args = append(append(args, limit, p.words), waitingArgs...)
	err = p.s.reads.get(ctx, errNoEntry, "SELECT (SELECT count(*) FROM ("+query+" LIMIT ?))"+
		" - (SELECT count(*) FROM search_pending w CROSS JOIN user_search f WHERE f.rowid = w.n AND w.stale AND user_search MATCH ?)"+
		" + (SELECT count(*) FROM ("+waiting+"))", args, &total)
	return total, err
}

// total counts. Where only cells or only a group filter, the counters know.
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

// matches returns the query of everybody who matches, in no order, by way of the cells or the group.
func (p *userPlan) matches() (string, []any) {
	if p.strategy == gatherFacets {
		where, args := p.filter(gatherFacets)
		return "SELECT 1 FROM users u INDEXED BY users_cell WHERE u.cell IN (SELECT value FROM json_each(?))" + where, append([]any{p.facets}, args...)
	}
	where, args := p.filter(gatherGroup)
	return "SELECT 1 FROM group_members m CROSS JOIN users u ON u.n = m.n WHERE m.group_id = ?" + where, append([]any{string(p.group)}, args...)
}
