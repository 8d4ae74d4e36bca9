package sqlitestore

import (
	"context"
	"strings"
)

const (
	// scannedPerUser is the maximum number of users that are read for each user of a page, in the hope that the first
	// matches in the order of the list are near.
	scannedPerUser = 20
	// sortCost and scanCost are the relative processor times of sorting a match, and of reading and comparing a user in
	// the order of an index.
	sortCost, scanCost = 27, 43
	// fewApart is the part of all users up to which matches are sorted whose name does not begin with the term.
	fewApart = 64
)

// chooseFound chooses the strategy of a search. The index has the matches in the order of creation. In another order
// it sorts few matches; many may be near in the order, or together.
func (p *userPlan) chooseFound(ctx context.Context) (strategy, error) {
	if p.order.column == "n" {
		return readFound, nil
	}
	found, err := p.countCandidates(ctx, p.s.fewFound+1)
	if err != nil {
		return readFound, err
	}
	if p.order.index == "" { // the last sign-in has no index of all users
		return p.chooseWithoutIndex(ctx, found)
	}
	if need := int64(p.limit + p.offset); found > need {
		budget := min(need*scannedPerUser, found*sortCost/scanCost)
		if p.scanned, err = p.scan(ctx, budget); err != nil || len(p.scanned) == p.limit {
			return readScanned, err
		}
	}
	if found <= p.s.fewFound {
		return readFound, nil
	}
	if p.group != "" || p.checked {
		return readSet, nil
	}
	return p.chooseNamed(ctx)
}

func (p *userPlan) chooseWithoutIndex(ctx context.Context, found int64) (chosen strategy, err error) {
	if found > p.s.fewFound && !p.exact {
		found, err = p.countFound(ctx, int(p.s.fewFound)+1)
	}
	if found > p.s.fewFound {
		return scanOrder, err
	}
	return readFound, err
}

// countCandidates counts the matches of the index query, up to limit.
func (p *userPlan) countCandidates(ctx context.Context, limit int64) (n int64, err error) {
	err = p.s.reads.get(ctx, errNoRow,
		"SELECT (SELECT count(*) FROM (SELECT 1 FROM user_search WHERE user_search MATCH ? LIMIT 0+?)) + "+
			"(SELECT count(*) FROM search_pending)", []any{p.words, limit}, &n)
	return n, err
}

// scan returns the users of the page that are among the first users after the position. It returns fewer than the page
// has if they are not enough.
func (p *userPlan) scan(ctx context.Context, budget int64) (found []int64, err error) {
	after, args := p.order.after("u", p.position)
	where, filterArgs := p.filter(true)
	by := p.order.by("u")
	err = p.s.reads.each(ctx, func(rows rowScanner) error {
		var n int64
		err := rows.Scan(&n)
		found = append(found, n)
		return err
	}, "SELECT u.n FROM (SELECT u.n, u.cell, u.search_text, u."+p.order.column+" FROM users u INDEXED BY "+p.order.index+
		" WHERE TRUE"+after+by+" LIMIT 0+?) u WHERE TRUE"+where+by+" LIMIT 0+? OFFSET ?",
		append(append(append(args, budget), filterArgs...), p.limit, p.offset)...)
	return found, err
}

// chooseNamed counts the matches whose name begins with the term. If these are all matches, or most, they are not
// spread over the order of names.
func (p *userPlan) chooseNamed(ctx context.Context) (strategy, error) {
	named, args := p.named("count(*)", "users u INDEXED BY "+p.order.index)
	if p.facets != "" {
		named, args = p.named("count(*)", "users u INDEXED BY "+p.order.facetIndex)
	}
	waiting, waitingArgs := p.waiting("1")
	var other bool
	var matches, together int64
	err := p.s.reads.get(ctx, errNoRow, "SELECT EXISTS (SELECT 1 FROM users irregular INDEXED BY users_other_text WHERE "+
		"instr(search_text, username) = 0 OR instr(search_text, email) = 0)"+
		", (SELECT count(*) FROM user_search WHERE user_search MATCH ?)"+
		" - (SELECT count(*) FROM search_pending w CROSS JOIN user_search f WHERE f.rowid = w.n AND w.stale AND "+
		"user_search MATCH ?) + (SELECT count(*) FROM ("+waiting+"))"+
		", ("+named+")", append(append([]any{p.words, p.words}, waitingArgs...), args...), &other, &matches, &together)
	apart := max(0, matches-together)
	p.apart = apart > 0
	if err != nil || other || apart > p.counts.all/fewApart {
		return readSet, err
	}
	return readNamed, nil
}

// named returns the query of the users in the matching facets whose name in the order of the list begins with the term.
func (p *userPlan) named(columns, from string) (string, []any) {
	condition, args := p.nameBegins()
	query := "SELECT " + columns + " FROM " + from + " WHERE " + condition
	if p.facets != "" {
		query += " AND u.cell IN (SELECT value FROM json_each(?))"
		args = append(args, p.facets)
	}
	return query, args
}

// nameBegins returns the condition that the name in the order of the list begins with the term.
func (p *userPlan) nameBegins() (string, []any) {
	name := "u." + p.order.column
	return name + " >= ? AND " + name + " < ?", []any{p.search, p.search + "\U0010ffff"}
}

// mergeNamed merges the users whose name begins with the term with the other matches.
func (p *userPlan) mergeNamed(limit, offset int) (string, []any) {
	columns := "u.n AS n, u." + p.order.column + " AS key"
	after, afterArgs := p.order.after("u", p.position)
	named, args := p.named(columns, "users u INDEXED BY "+p.order.index)
	query := "SELECT * FROM (" + named + after + p.order.by("u") + " LIMIT 0+?)"
	args = append(append(args, afterArgs...), limit+offset)
	if p.apart {
		where, filterArgs := p.filter(true)
		condition, conditionArgs := p.nameBegins()
		query += " UNION ALL SELECT " + columns + " FROM (SELECT rowid AS n FROM user_search WHERE user_search MATCH ? " +
			"UNION ALL SELECT n FROM search_pending EXCEPT SELECT u.n FROM users u INDEXED BY " + p.order.index + " WHERE " +
			condition + ") f CROSS JOIN users u ON u.n = f.n WHERE TRUE" + where + after
		args = append(append(args, p.words), conditionArgs...)
		args = append(append(args, filterArgs...), afterArgs...)
	}
	order := strings.ReplaceAll(" ORDER BY key ?, n ?", "?", p.order.direction())
	return "SELECT n FROM (" + query + ")" + order + " LIMIT 0+? OFFSET ?", append(args, limit, offset)
}
