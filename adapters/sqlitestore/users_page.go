package sqlitestore

import "strings"

// page returns the query of a page. A subquery with the chosen strategy selects the positions of the users, and the
// outer query reads their documents.
func (p *userPlan) page(limit, offset int) (string, []any) {
	inner, args := p.positions(limit, offset)
	return "SELECT u.n, CAST(u." + p.order.column + " AS TEXT), u.doc, u.search_text FROM users u WHERE u.n IN (" + inner +
		")" + p.order.by("u"), args
}

// positions returns the query that selects the n of the users on the page.
func (p *userPlan) positions(limit, offset int) (string, []any) {
	switch {
	case p.strategy == mergeFacets || p.strategy == scanOrder && p.order.merged():
		return p.mergeFacets(limit, offset)
	case p.strategy == readScanned:
		return "SELECT value FROM json_each(?)", []any{jsonArray(p.scanned)}
	case p.strategy == readNamed:
		return p.mergeNamed(limit, offset)
	case p.strategy == readSet:
		where, args := p.filter(true)
		return p.cut("users u INDEXED BY "+p.order.index+" WHERE u.n IN (SELECT rowid FROM user_search WHERE user_search MATCH ? "+
			"UNION ALL SELECT n FROM search_pending)"+where, "u", append([]any{p.words}, args...), limit, offset)
	case p.strategy == readGroup:
		where, args := p.filter(true)
		return p.cut(membersOf+where, "m", append([]any{string(p.group)}, args...), limit, offset)
	case p.strategy == readFound && p.order.column == "n":
		return p.followFound(limit, offset)
	case p.strategy == readFound:
		found, args := p.found("f.rowid AS n", "", nil)
		return p.cut("("+found+") f CROSS JOIN users u ON u.n = f.n WHERE TRUE", "u", args, limit, offset)
	}
	where, args := p.filter(true)
	from := "users u"
	if p.order.index != "" {
		from += " INDEXED BY " + p.order.index
	}
	return p.cut(from+" WHERE TRUE"+where, "u", args, limit, offset)
}

// membersOf selects the members m of a group with their users u.
const membersOf = "group_members m CROSS JOIN users u ON u.n = m.n WHERE m.group_id = ?"

// cut returns the query that selects the page from the joined tables. The users are in the table u, and their n also in
// the table first, which is read first.
func (p *userPlan) cut(from, first string, args []any, limit, offset int) (string, []any) {
	after, afterArgs := p.order.after(first, p.position)
	return "SELECT u.n FROM " + from + after + p.order.by(first) + " LIMIT 0+? OFFSET ?",
		append(append(args, afterArgs...), limit, offset)
}

// mergeFacets merges the ordered users of the facets, and checks the other filters on each user.
func (p *userPlan) mergeFacets(limit, offset int) (string, []any) {
	after, afterArgs := p.order.after("u", p.position)
	where, args := p.filter(false)
	positions, args := merge("SELECT u."+p.order.column+" AS key, u.n AS n FROM users u INDEXED BY "+p.order.facetIndex+
		" WHERE TRUE"+where+after+" AND u.cell = ?",
		append(args, afterArgs...), p.counts.facets)
	order := strings.ReplaceAll(" ORDER BY 1 ?, 2 ?", "?", p.order.direction())
	return "SELECT n FROM (" + positions + order + " LIMIT 0+? OFFSET ?)", append(args, limit, offset)
}

// followFound reads the matches of the search index, which it returns in the order of creation.
func (p *userPlan) followFound(limit, offset int) (string, []any) {
	after, afterArgs := "", []any(nil)
	if p.position != nil {
		after, afterArgs = " > ?", []any{p.position.n}
		if p.order.descending {
			after = " < ?"
		}
	}
	query, args := p.found("f.rowid", after, afterArgs)
	return query + " ORDER BY 1 " + p.order.direction() + " LIMIT 0+? OFFSET ?", append(args, limit, offset)
}
